//! `POST /api/v1/admin/apps/{app}/releases`.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use picloud_shared::modules::Linker;

use super::{
    bundle::CreateRelease,
    deployed::{DeployedBody, Deployment},
};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, JsonBody},
        problem::{Answer, problems},
        scripts::require_all_valid,
    },
};

problems!(CreateReleaseProblems: NotFound, ReleaseConflict, VersionMismatch, ScriptInvalid, InvalidDomain, DomainNotAllowed, HostNotClaimed, ReservedPath, LoopDetected);

/// Deploy a bundle
///
/// Makes the whole app what the bundle says, as one release: all of it, or nothing if anything stands against it.
///
/// A script is known by its name; one with the same source keeps its version. A route is known by its host, path and
/// methods. **What the bundle does not name is removed.** Only `domains` may be left out: then they stay as they are. A
/// script that says nothing of `description` or `limits` has an empty one, and the default limits.
///
/// If nothing differs, there is no new release, and the answer is the live one with 200. An app's domains change only if
/// the caller may change domains.
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/{app}/releases",
    tag = "releases",
    request_body = CreateRelease,
    responses(
        (status = 200, description = "Only tried, or nothing differs", body = DeployedBody),
        (status = 201, description = "Live", body = DeployedBody),
        CreateReleaseProblems,
    ),
)]
pub(crate) async fn create_release(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    JsonBody(mut body): JsonBody<CreateRelease>,
) -> Answer<Response> {
    let bundle = body.read(&manager)?;
    let sources = bundle.scripts.iter();
    let scripts = Linker::new(sources.map(|script| (script.name.clone(), Arc::clone(&script.source))));
    let names: Vec<_> = bundle.scripts.iter().map(|script| script.name.clone()).collect();
    require_all_valid(&manager, &scripts, &names).await?;

    let deployment = Deployment::new(&manager, &caller, &app, body.expected_release, body.dry_run).await;
    let change = caller.change(&manager, body.note);
    let deployed = manager
        .repository()
        .deploy_bundle(app.id, &bundle, deployment.terms, &change)
        .await;
    deployment.finish(&manager, &app, deployed).await
}
