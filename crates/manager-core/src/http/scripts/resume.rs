//! `POST /api/v1/admin/scripts/{script}/resume`.

use axum::{extract::State, response::IntoResponse};
use picloud_shared::id::ScriptId;

use super::{ScriptBody, with_etag};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::InPath,
        problem::{Answer, not_found, problems},
    },
};

problems!(ResumeScriptProblems: NotFound);

/// Resume a script
///
/// Its strikes are forgotten. If it was suspended, requests to it are served again before this is answered. A script
/// that was not suspended stays as it is.
#[utoipa::path(
    post,
    path = "/api/v1/admin/scripts/{script}/resume",
    tag = "scripts",
    responses((status = 200, description = "Resumed", body = ScriptBody), ResumeScriptProblems),
)]
pub(crate) async fn resume_script(
    State(manager): State<Manager>,
    caller: Caller,
    InPath(script): InPath<ScriptId>,
) -> Answer<impl IntoResponse> {
    caller.script(&manager, script).await?;
    let change = caller.change(&manager, None);
    manager.repository().forgive_script(script, &change).await?;
    let resumed = manager.repository().find_script(script).await?;
    let resumed = resumed.ok_or_else(|| not_found("script"))?;
    manager.publish(resumed.app_id).await;
    tracing::info!(script.id = %script, version = resumed.version, user.id = %caller.user.id, "script resumed");
    Ok(with_etag(resumed, manager.now()))
}
