//! `DELETE /api/v1/admin/scripts/{script}`.

use axum::extract::State;
use http::StatusCode;
use picloud_shared::{
    id::ScriptId,
    problem::{Code, Problem},
    repository::DeleteScriptError,
};

use crate::{
    Manager,
    http::{
        caller::Owner,
        extract::InPath,
        problem::{Answer, not_found, problems},
        routes::named_routes,
    },
};

problems!(DeleteScriptProblems: NotFound, ScriptInUse);

/// Delete a script
///
/// With all its versions, once no route leads to it.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/scripts/{script}",
    tag = "scripts",
    responses((status = 204, description = "Deleted"), DeleteScriptProblems),
)]
pub(crate) async fn delete_script(
    State(manager): State<Manager>,
    owner: Owner,
    InPath(script): InPath<ScriptId>,
) -> Answer<StatusCode> {
    let found = manager.repository().find_script(script).await?;
    let app = found.ok_or_else(|| not_found("script"))?.app_id;
    let change = manager.change(&owner.user, None);
    match manager.repository().delete_script(script, &change).await {
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
        Err(DeleteScriptError::Store(error)) => Err(error.into()),
    }
}
