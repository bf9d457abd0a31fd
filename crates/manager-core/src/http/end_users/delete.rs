//! `DELETE /api/v1/admin/apps/{app}/users/{end_user}`.

use axum::extract::State;
use http::StatusCode;
use picloud_shared::services::UserRecord;

use super::{EndUserId, records};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, InPath},
        problem::{Answer, problems},
    },
};

problems!(DeleteEndUserProblems: NotFound, Conflict, CommitUnknown, TooManyRequests, LoopDetected);

/// Delete a user of an app
#[utoipa::path(
    delete,
    path = "/api/v1/admin/apps/{app}/users/{end_user}",
    tag = "users",
    responses((status = 204, description = "Deleted"), DeleteEndUserProblems),
)]
pub(crate) async fn delete_end_user(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(user): InPath<EndUserId>,
) -> Answer<StatusCode> {
    let remove = |before: Option<&UserRecord>| before.map(|_| None).ok_or_else(records::nobody);
    records::change(&manager, &caller, app.id, "delete_end_user", user.0, remove).await?;
    Ok(StatusCode::NO_CONTENT)
}
