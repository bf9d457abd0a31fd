//! `DELETE /api/v1/admin/scripts/{script}`.

use axum::extract::State;
use http::StatusCode;
use picloud_shared::{
    id::ScriptId,
    problem::{Code, Problem},
    repository::DeleteScriptError,
};

use super::{imported, version_mismatch};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{IfMatch, InPath},
        problem::{Answer, not_found, problems},
        routes::named_routes,
    },
};

problems!(DeleteScriptProblems: NotFound, ScriptInUse, VersionMismatch, LoopDetected);

/// Delete a script
///
/// Once no route leads to it, no script imports it, and no subscription or schedule starts it. Its versions are gone with it, but for releases that are restored: of what an app has
/// removed, the newest 64 MiB of source are kept for them. Send the `ETag` that you know as `If-Match` to be sure that
/// nobody saved meanwhile.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/scripts/{script}",
    tag = "scripts",
    params(("If-Match" = Option<String>, Header, description = "The version that must be live, such as `\"3\"`")),
    responses((status = 204, description = "Deleted"), DeleteScriptProblems),
)]
pub(crate) async fn delete_script(
    State(manager): State<Manager>,
    caller: Caller,
    InPath(script): InPath<ScriptId>,
    IfMatch(expected): IfMatch,
) -> Answer<StatusCode> {
    let app = caller.script(&manager, script).await?.app_id;
    let change = caller.change(&manager, None);
    match manager
        .repository()
        .delete_script(script, &expected, &change)
        .await
    {
        Ok(true) => {
            manager.publish(app).await;
            Ok(StatusCode::NO_CONTENT)
        }
        Ok(false) => Err(not_found("script")),
        Err(DeleteScriptError::InUse(routes)) => {
            let detail = "Routes still lead to this script. Delete or change the routes in `routes` first.";
            let routes = named_routes(&manager, &routes).await?;
            Err(Problem::new(Code::ScriptInUse, detail)
                .with("routes", routes)
                .into())
        }
        Err(DeleteScriptError::Imported(importers)) => Err(imported(&importers)),
        Err(DeleteScriptError::Bound(bindings)) => {
            let detail = format!(
                "This still starts the script, or tells it of ends: {}. Delete or change it first.",
                bindings.join(", ")
            );
            Err(Problem::new(Code::ScriptInUse, detail)
                .with("started_by", bindings)
                .into())
        }
        Err(DeleteScriptError::VersionMismatch { live }) => Err(version_mismatch(live)),
        Err(DeleteScriptError::Store(error)) => Err(error.into()),
    }
}
