//! `GET /api/v1/admin/apps/{app}/users/{end_user}`.

use axum::{Json, extract::State};

use super::{EndUserBody, EndUserId, records};
use crate::{
    Manager,
    http::{
        extract::{AppPath, InPath},
        problem::{Answer, problems},
    },
};

problems!(GetEndUserProblems: NotFound);

/// Get a user of an app
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/users/{end_user}",
    tag = "users",
    responses((status = 200, description = "The user", body = EndUserBody), GetEndUserProblems),
)]
pub(crate) async fn get_end_user(
    State(manager): State<Manager>,
    AppPath { app, .. }: AppPath,
    InPath(user): InPath<EndUserId>,
) -> Answer<Json<EndUserBody>> {
    let found = records::find(&manager, app.id, &[user.0]).await?;
    let record = found.into_iter().next().ok_or_else(records::nobody)?;
    Ok(Json(EndUserBody::at(record, manager.now())))
}
