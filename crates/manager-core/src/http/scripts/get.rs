//! `GET /api/v1/admin/scripts/{script}`.

use axum::{extract::State, response::IntoResponse};
use picloud_shared::id::ScriptId;

use super::{ScriptBody, with_etag};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::InPath,
        problem::{Answer, problems},
    },
};

problems!(GetScriptProblems: NotFound);

/// Get a script
///
/// With its live version, whose number is also the `ETag`.
#[utoipa::path(
    get,
    path = "/api/v1/admin/scripts/{script}",
    tag = "scripts",
    responses((status = 200, description = "The script", body = ScriptBody), GetScriptProblems),
)]
pub(crate) async fn get_script(
    State(manager): State<Manager>,
    caller: Caller,
    InPath(script): InPath<ScriptId>,
) -> Answer<impl IntoResponse> {
    let script = caller.script(&manager, script).await?;
    Ok(with_etag(script, manager.now()))
}
