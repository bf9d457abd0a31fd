//! `DELETE /api/v1/admin/apps/{app}`.

use axum::extract::State;
use http::StatusCode;
use picloud_shared::{problem::Code, repository::DeleteAppError};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, QueryParams},
        problem::{Answer, Refusal, not_found, problem, problems},
    },
};

problems!(DeleteAppProblems: NotFound, AppNotEmpty);

/// How to delete.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeleteQuery {
    /// Delete the app even if it still has scripts, domains or data, with all of it.
    #[serde(default)]
    force: bool,
}

/// Delete an app
///
/// With everything that it has. There is no way back.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/apps/{app}",
    tag = "apps",
    params(DeleteQuery),
    responses((status = 204, description = "Deleted"), DeleteAppProblems),
)]
pub(crate) async fn delete_app(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    QueryParams(query): QueryParams<DeleteQuery>,
) -> Answer<StatusCode> {
    let deleted = manager
        .repository()
        .delete_app(app.id, query.force, &caller.change(&manager, None))
        .await
        .map_err(refusal)?;
    if !deleted {
        return Err(not_found("app"));
    }
    manager.publish(app.id).await;
    manager.publish_egress(app.id).await;
    manager.brokers().refresh(app.id, false).await;
    tracing::info!(app.id = %app.id, app.slug = %app.slug, user.id = %caller.user.id, "app deleted");
    Ok(StatusCode::NO_CONTENT)
}

fn refusal(error: DeleteAppError) -> Refusal {
    match error {
        DeleteAppError::NotEmpty => problem(
            Code::AppNotEmpty,
            "The app still has scripts, domains or data. Delete them first, or add `?force=true` to delete all of it.",
        ),
        DeleteAppError::Store(error) => error.into(),
    }
}
