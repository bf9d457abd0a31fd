//! `GET /api/v1/admin/apps/{app}/users/{end_user}`.

use axum::{extract::State, response::IntoResponse};

use super::{EndUserBody, EndUserId, records, with_etag};
use crate::{
    Manager,
    http::{
        extract::{AppPath, InPath},
        problem::{Answer, problems},
    },
};

problems!(GetEndUserProblems: NotFound);

/// Get a user of an app
///
/// Their `version` is also the `ETag`.
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
) -> Answer<impl IntoResponse> {
    let found = records::find(&manager, app.id, &[user.0]).await?;
    let record = found.into_iter().next().ok_or_else(records::nobody)?;
    Ok(with_etag(EndUserBody::at(record, manager.now())))
}
