//! `PATCH /api/v1/admin/scripts/{script}`.

use std::sync::Arc;

use axum::{extract::State, response::IntoResponse};
use picloud_shared::{id::ScriptId, repository::ScriptUpdate, script::ScriptName};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{ScriptBody, limits::SetLimits, save::save, source::Target, with_etag};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{IfMatch, InPath, JsonBody},
        problem::{Answer, not_found, problems},
        validate::{Violations, object},
    },
};

problems!(UpdateScriptProblems: NotFound, ScriptNameTaken, ScriptInUse, Conflict, ScriptInvalid, VersionMismatch, LoopDetected);

/// What to change in a script; what is absent or null stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateScript {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    /// Becomes a new version, even if it is that of the live one.
    #[serde(default)]
    source: Option<String>,
    /// Merged over the limits that the script has.
    #[serde(default, deserialize_with = "object")]
    limits: Option<SetLimits>,
    /// Why, for the history; at most 500 characters.
    #[serde(default)]
    note: Option<String>,
}

/// Change a script
///
/// A source is a new, immutable version and live before this is answered; requests in flight finish on the version
/// that they started with. Scripts that import it use it at once too, and have to work with it. One that others import
/// keeps its name. Send the `ETag` that you know as `If-Match` to be sure that nobody saved meanwhile.
#[utoipa::path(
    patch,
    path = "/api/v1/admin/scripts/{script}",
    tag = "scripts",
    params(("If-Match" = Option<String>, Header, description = "The version that must be live, such as `\"3\"`")),
    request_body = UpdateScript,
    responses((status = 200, description = "Changed", body = ScriptBody), UpdateScriptProblems),
)]
pub(crate) async fn update_script(
    State(manager): State<Manager>,
    caller: Caller,
    InPath(script): InPath<ScriptId>,
    IfMatch(expected): IfMatch,
    JsonBody(body): JsonBody<UpdateScript>,
) -> Answer<impl IntoResponse> {
    let current = caller.script(&manager, script).await?;

    let mut violations = Violations::default();
    let name: Option<ScriptName> = violations.parse_some("name", body.name.as_deref());
    if let Some(description) = &body.description {
        violations.description("description", description);
    }
    if let Some(note) = &body.note {
        violations.note("note", note);
    }
    let limits = body
        .limits
        .map(|limits| limits.over(current.limits, &mut violations));
    violations.finish()?;
    let update = ScriptUpdate {
        name,
        description: body.description,
        source: body.source.map(Arc::from),
        limits,
        expected,
        checked: None,
    };
    let change = caller.change(&manager, body.note);
    let write = |checked| {
        let update = ScriptUpdate {
            checked,
            ..update.clone()
        };
        manager.repository().update_script(script, update, &change)
    };
    let target = Target::Existing(script, update.name.as_ref());
    let updated = save(&manager, current.app_id, target, update.source.as_ref(), write).await?;
    let updated = updated.ok_or_else(|| not_found("script"))?;
    manager.publish(updated.app_id).await;
    Ok(with_etag(updated, manager.now()))
}
