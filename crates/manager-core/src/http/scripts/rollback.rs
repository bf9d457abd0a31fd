//! `POST /api/v1/admin/scripts/{script}/rollback`.

use axum::{extract::State, response::IntoResponse};
use picloud_shared::id::ScriptId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{ScriptBody, save::save, source::Target, with_etag};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{IfMatch, InPath, JsonBody},
        problem::{Answer, not_found, problems},
        validate::Violations,
    },
};

problems!(RollBackProblems: NotFound, Conflict, VersionMismatch, ScriptInvalid, LoopDetected);

/// Which version is to be live again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RollBack {
    /// Its number.
    version: u32,
    /// Why, for the history; at most 500 characters.
    #[serde(default)]
    note: Option<String>,
}

/// Roll a script back
///
/// The source of an earlier version is live again, as a new version.
#[utoipa::path(
    post,
    path = "/api/v1/admin/scripts/{script}/rollback",
    tag = "scripts",
    params(("If-Match" = Option<String>, Header, description = "The version that must be live, such as `\"3\"`")),
    request_body = RollBack,
    responses((status = 200, description = "Rolled back", body = ScriptBody), RollBackProblems),
)]
pub(crate) async fn roll_back_script(
    State(manager): State<Manager>,
    caller: Caller,
    InPath(script): InPath<ScriptId>,
    IfMatch(expected): IfMatch,
    JsonBody(body): JsonBody<RollBack>,
) -> Answer<impl IntoResponse> {
    let current = caller.script(&manager, script).await?;
    let mut violations = Violations::default();
    if let Some(note) = &body.note {
        violations.note("note", note);
    }
    violations.finish()?;

    let old = manager.repository().find_version(script, body.version).await?;
    let old = old.ok_or_else(|| not_found("version of this script"))?;
    let change = caller.change(&manager, body.note);
    let write = |checked| {
        manager
            .repository()
            .rollback_script(script, body.version, &expected, checked, &change)
    };
    // It compiled once, but a newer PiCloud may know better.
    let target = Target::Existing(script, None);
    let rolled_back = save(&manager, current.app_id, target, Some(&old.source), write).await?;
    let script = rolled_back.ok_or_else(|| not_found("version of this script"))?;
    manager.publish(script.app_id).await;
    Ok(with_etag(script, manager.now()))
}
