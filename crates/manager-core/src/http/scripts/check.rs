//! `POST /api/v1/admin/apps/{app}/scripts:check`.

use std::sync::Arc;

use axum::{Json, extract::State};
use picloud_shared::{
    modules::{Linker, imports},
    outcome::{Diagnostic, Severity},
    script::ScriptName,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::source::{broken_importers, live_scripts, remarks, remarks_on};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, JsonBody},
        problem::{Answer, problems},
        validate::Violations,
    },
};

problems!(CheckScriptProblems: NotFound);

/// A source to check.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckScript {
    source: String,
    /// The name of the script that is to have this source, if it has one: only then is it looked whether those that import
    /// it would still work, and whether it imports itself.
    #[serde(default)]
    name: Option<String>,
}

/// What is to be said about a source.
#[derive(Serialize, ToSchema)]
pub(crate) struct Diagnostics {
    /// Empty if there is nothing to say.
    diagnostics: Vec<DiagnosticBody>,
}

/// A remark on a place in a source. Lines and columns count from 1, columns in characters.
#[derive(Serialize, ToSchema)]
#[schema(as = Diagnostic)]
struct DiagnosticBody {
    /// `error` if the source cannot be saved, `warning` if it can.
    #[schema(value_type = String, example = "error")]
    severity: Severity,
    message: String,
    line: u32,
    column: u32,
    end_line: u32,
    /// After the last character.
    end_column: u32,
}

impl From<Diagnostic> for DiagnosticBody {
    fn from(diagnostic: Diagnostic) -> Self {
        Self {
            severity: diagnostic.severity,
            message: diagnostic.message,
            line: diagnostic.line,
            column: diagnostic.column,
            end_line: diagnostic.end_line,
            end_column: diagnostic.end_column,
        }
    }
}

/// Check a source
///
/// As saving it would, but without saving it.
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/{app}/scripts:check",
    tag = "scripts",
    request_body = CheckScript,
    responses((status = 200, description = "What is to be said", body = Diagnostics), CheckScriptProblems),
)]
pub(crate) async fn check_script(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
    JsonBody(body): JsonBody<CheckScript>,
) -> Answer<Json<Diagnostics>> {
    let mut violations = Violations::default();
    let name: Option<ScriptName> = violations.parse_some("name", body.name.as_deref());
    violations.finish()?;
    let source: Arc<str> = body.source.into();
    let mut scripts = if name.is_none() && imports(&source).is_empty() {
        Linker::new([])
    } else {
        live_scripts(&manager, app.id).await?
    };
    let diagnostics = if let Some(name) = name {
        scripts.put(name.clone(), source);
        let mut diagnostics = remarks_on(&manager, &scripts, &name).await;
        if diagnostics
            .iter()
            .all(|remark| remark.severity != Severity::Error)
        {
            diagnostics.extend(broken_importers(&manager, &scripts, &name).await);
        }
        diagnostics
    } else {
        remarks(&manager, &source, scripts.link_unsaved(&source)).await
    };
    Ok(Json(Diagnostics {
        diagnostics: diagnostics.into_iter().map(DiagnosticBody::from).collect(),
    }))
}
