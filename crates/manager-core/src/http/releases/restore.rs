//! `POST /api/v1/admin/apps/{app}/releases/{release}:restore`.

use std::collections::HashSet;

use axum::{extract::State, response::Response};
use picloud_shared::{
    app::App,
    domain::HostPattern,
    modules::Linker,
    problem::Code,
    release::{Manifest, ManifestDomain},
    script::ScriptName,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::deployed::{DeployedBody, Deployment};
use crate::{
    Manager, claims,
    http::{
        access::Caller,
        extract::{AppPath, InPath, OptionalJsonBody, ReleaseNumber},
        problem::{Answer, not_found, problem, problems, sentence},
        scripts::require_all_valid,
        validate::{Violations, or_default},
    },
};

problems!(RestoreReleaseProblems: NotFound, ReleaseConflict, VersionMismatch, ScriptInvalid, DomainNotAllowed, LoopDetected);

/// How to restore a release.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RestoreRelease {
    /// Why, for the history; at most 500 characters.
    #[serde(default)]
    note: Option<String>,
    /// Only if this release is live, so that nobody's change is lost.
    #[serde(default)]
    expected_release: Option<u32>,
    /// Only tell what would change, or why it would be refused.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(nullable)]
    dry_run: bool,
}

/// Restore a release
///
/// Puts the scripts with their versions, names, descriptions and limits, the routes, the domains, the configuration, the subscriptions and
/// the schedules back to what they were in that release, all at once, as a new release. Scripts that were deleted since come back under their ids; what
/// was made since is removed. If anything stands against it, nothing changes.
///
/// An app's domains change only if the caller may change domains.
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/{app}/releases/{release}:restore",
    tag = "releases",
    request_body = RestoreRelease,
    responses(
        (status = 200, description = "Only tried", body = DeployedBody),
        (status = 201, description = "Restored", body = DeployedBody),
        RestoreReleaseProblems,
    ),
)]
pub(crate) async fn restore_release(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(ReleaseNumber(number)): InPath<ReleaseNumber>,
    OptionalJsonBody(body): OptionalJsonBody<RestoreRelease>,
) -> Answer<Response> {
    let mut violations = Violations::default();
    if let Some(note) = &body.note {
        violations.note("note", note);
    }
    violations.finish()?;
    check_what_comes_back(&manager, &app, number).await?;

    let deployment = Deployment::new(&manager, &caller, &app, body.expected_release, body.dry_run).await;
    let change = caller.change(&manager, body.note);
    let restored = manager
        .repository()
        .restore_release(app.id, number, deployment.terms, &change)
        .await;
    deployment.finish(&manager, &app, restored).await
}

/// What was allowed once may not be now: a newer PiCloud may know more about scripts, and other settings about domains.
/// What is live anyway is not asked about.
async fn check_what_comes_back(manager: &Manager, app: &App, number: u32) -> Answer<()> {
    let wanted = manifest(manager, app, number).await?;
    let live = manifest(manager, app, app.release).await?;
    check_domains(manager, &wanted.domains, &live.domains)?;

    let live: HashSet<_> = live
        .scripts
        .iter()
        .map(|script| (script.id, script.version))
        .collect();
    let mut scripts = Linker::new([]);
    let mut coming_back = Vec::new();
    for script in wanted.scripts {
        let Ok(name) = script.name.parse::<ScriptName>() else {
            continue;
        };
        let source = manager
            .repository()
            .find_released_source(app.id, script.id, script.version)
            .await?;
        // One that is not kept any more is told as a conflict, with all others.
        let Some(source) = source else { continue };
        scripts.put(name.clone(), source);
        if !live.contains(&(script.id, script.version)) {
            coming_back.push(name);
        }
    }
    require_all_valid(manager, &scripts, &coming_back).await
}

fn check_domains(manager: &Manager, wanted: &[ManifestDomain], live: &[ManifestDomain]) -> Answer<()> {
    for domain in wanted {
        let is_live = live.iter().any(|live| live.pattern == domain.pattern);
        // What cannot be read is a fault of the database, which the restoring itself tells.
        let Ok(pattern) = domain.pattern.parse::<HostPattern>() else {
            continue;
        };
        if !is_live {
            claims::check(&pattern, manager.admin_host())
                .map_err(|error| problem(Code::DomainNotAllowed, sentence(&error)))?;
        }
    }
    Ok(())
}

async fn manifest(manager: &Manager, app: &App, number: u32) -> Answer<Manifest> {
    let found = manager.repository().find_release(app.id, number).await?;
    let (_, manifest) = found.ok_or_else(|| not_found("release"))?;
    Ok(manifest)
}
