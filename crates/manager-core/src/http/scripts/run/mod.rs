//! `POST /api/v1/admin/apps/{app}/scripts:run`: a test run from the editor.

mod kept;
mod request;
mod result;

use std::sync::Arc;

use axum::{Extension, Json, extract::State};
use picloud_shared::{
    app::App,
    config::AppConfig,
    id::ScriptId,
    invocation::{DEPTH_MAX, Invocation, Trigger},
    limits::Limits,
    modules::imports,
    outcome::Diagnostic,
    script::{AppScripts, ContentHash, LiveScript, ScriptName},
    seam::{AtCommit, Origin},
};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) use self::result::{LogLineBody, ScriptErrorBody, ServiceUseBody};
use self::{kept::Kept, request::TestRequest, result::TestRunBody};
use super::{live_scripts, source::at_import};
use crate::{
    Manager,
    http::{
        access::Caller,
        events::looping,
        extract::{AppPath, JsonBody},
        problem::{Answer, internal, not_found, problems},
        validate::{Violations, object_or_default, some_id},
    },
};

/// What a source that was never saved is called in its own errors.
const UNSAVED_NAME: &str = "unsaved";

problems!(RunScriptProblems: NotFound, LoopDetected);

/// What to run, and with what.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunScript {
    /// A source, which need not be saved. Either this or `script_id`.
    #[serde(default)]
    source: Option<String>,
    /// A script of this app.
    #[serde(default, deserialize_with = "some_id")]
    script_id: Option<Uuid>,
    /// A version of that script; the live one unless set.
    #[serde(default)]
    version: Option<u32>,
    /// What the script sees as `request`.
    #[serde(default, deserialize_with = "object_or_default")]
    #[schema(nullable)]
    request: TestRequest,
    /// Whether what the script writes takes effect. Unless it is set, nothing does, and the result says how much it
    /// would have been. What it reads is the app's data either way.
    #[serde(default)]
    keep_writes: bool,
}

/// Try a script
///
/// Runs within the limits of the script, or the default ones. That the script fails, or does not compile, is the result
/// of the test: it stands in `error`. A run that keeps what it writes leaves an execution record, with the trigger
/// `test`, and a record in the audit log; others leave nothing. If a script asks for it, it counts in the chain that led to
/// that, as a call does.
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/{app}/scripts:run",
    tag = "scripts",
    request_body = RunScript,
    responses((status = 200, description = "What happened", body = TestRunBody), RunScriptProblems),
)]
pub(crate) async fn run_script(
    State(manager): State<Manager>,
    Extension(origin): Extension<Origin>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    JsonBody(body): JsonBody<RunScript>,
) -> Answer<Json<TestRunBody>> {
    if caller.depth() > DEPTH_MAX {
        return Err(looping());
    }
    let mut violations = Violations::default();
    violations.require(
        body.source.is_some() != body.script_id.is_some(),
        "source",
        "give either `source` or `script_id`",
    );
    violations.require(
        body.version.is_none() || body.script_id.is_some(),
        "version",
        "is a version of a saved script; give `script_id` with it",
    );
    let request = body.request.read(&mut violations, &origin);
    let request = violations.finish_with(request)?;

    let script = match body.source {
        Some(source) => unsaved(&app, source.into())?,
        None => saved(&manager, &app, body.script_id.map(ScriptId), body.version).await?,
    };
    let mut script = match linked(&manager, script).await? {
        Ok(script) => script,
        Err(fault) => return Ok(Json(TestRunBody::not_linked(&fault))),
    };
    script.config = Arc::new(config(&manager, &app).await?);
    let mut invocation = Invocation {
        id: origin.request_id,
        scripts: callable(&manager, &script).await?,
        script: Arc::new(script),
        depth: caller.depth(),
        trigger: Trigger::Test,
        request: Arc::new(request),
        keeps_writes: body.keep_writes,
        at_commit: None,
        event: None,
    };
    if !body.keep_writes {
        let outcome = manager.workbench().run(invocation).await;
        manager.runs().used(app.id, &outcome.services);
        return Ok(Json(outcome.into()));
    }
    let change = caller.change(&manager, None);
    manager.repository().confirm_data_change(app.id, &change).await?;
    let kept = Arc::new(Kept::begin(&manager, &invocation));
    invocation.at_commit = Some(Arc::clone(&kept) as Arc<dyn AtCommit>);
    let outcome = manager.workbench().run(invocation).await;
    manager.runs().used(app.id, &outcome.services);
    kept.record(&manager, &outcome, &change).await?;
    Ok(Json(outcome.into()))
}

/// What the script may call: the live scripts of the app, or none if it calls none.
async fn callable(manager: &Manager, script: &LiveScript) -> Answer<AppScripts> {
    /// Blanks may stand between it and what follows, so it is looked for alone.
    const MODULE: &str = "script";
    let mut modules = script.modules.iter().flat_map(|modules| &modules.in_order);
    if !script.source.contains(MODULE) && !modules.any(|module| module.source.contains(MODULE)) {
        return Ok(AppScripts::default());
    }
    let release = manager.repository().live_release(script.app_id).await?;
    Ok(AppScripts::new(
        release.map(|release| release.scripts).unwrap_or_default(),
    ))
}

/// What scripts of the app see as its configuration now.
async fn config(manager: &Manager, app: &App) -> Answer<AppConfig> {
    let mut config = AppConfig::default();
    for value in manager.repository().list_config(app.id).await? {
        config.insert(value.name.as_str().to_owned(), value.value.to_string());
    }
    Ok(config)
}

fn unsaved(app: &App, source: Arc<str>) -> Answer<LiveScript> {
    Ok(LiveScript {
        app_id: app.id,
        script_id: ScriptId(Uuid::nil()),
        name: UNSAVED_NAME.parse::<ScriptName>().map_err(|_| internal())?,
        version: 0,
        content_hash: ContentHash::of(&source),
        source,
        modules: None,
        limits: Limits::DEFAULT,
        suspended: false,
        config: Arc::default(),
    })
}

async fn saved(
    manager: &Manager,
    app: &App,
    script: Option<ScriptId>,
    version: Option<u32>,
) -> Answer<LiveScript> {
    let found = match script {
        Some(script) => manager.repository().find_script(script).await?,
        None => None,
    };
    // A script of another app is not there.
    let script = found
        .filter(|script| script.app_id == app.id)
        .ok_or_else(|| not_found("script in this app"))?;
    let number = version.unwrap_or(script.version);
    let source = if number == script.version {
        script.source
    } else {
        let version = manager.repository().find_version(script.id, number).await?;
        version.ok_or_else(|| not_found("version of this script"))?.source
    };
    Ok(LiveScript {
        app_id: script.app_id,
        script_id: script.id,
        name: script.name,
        version: number,
        content_hash: ContentHash::of(&source),
        source,
        modules: None,
        limits: script.limits,
        // Trying it is how its author finds out what is wrong.
        suspended: false,
        config: Arc::default(),
    })
}

/// The script with what it imports of those that are live.
async fn linked(manager: &Manager, mut script: LiveScript) -> Answer<Result<LiveScript, Diagnostic>> {
    if imports(&script.source).is_empty() {
        return Ok(Ok(script));
    }
    let mut scripts = live_scripts(manager, script.app_id).await?;
    let modules = if script.version == 0 {
        scripts.link_unsaved(&script.source)
    } else {
        scripts.put(script.name.clone(), Arc::clone(&script.source));
        scripts.link(&script.name)
    };
    Ok(match modules {
        Ok(modules) => {
            script.modules = modules.map(Arc::new);
            Ok(script)
        }
        Err(fault) => Err(at_import(&script.source, &fault)),
    })
}
