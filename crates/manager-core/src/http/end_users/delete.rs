//! `DELETE /api/v1/admin/apps/{app}/users/{end_user}`.

use axum::extract::State;
use http::StatusCode;
use picloud_shared::services::UserRecord;

use super::{EndUserId, records, version};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, InPath, Precondition},
        problem::{Answer, problems},
    },
};

problems!(
    DeleteEndUserProblems: NotFound, Conflict, VersionMismatch, CommitUnknown, TooManyRequests, LoopDetected
);

/// Delete a user of an app
///
/// Send the `version` that you know as `If-Match` to be sure that nobody and no script changed the user meanwhile.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/apps/{app}/users/{end_user}",
    tag = "users",
    params(("If-Match" = Option<String>, Header, description = "The version that must be there, in quotes")),
    responses((status = 204, description = "Deleted"), DeleteEndUserProblems),
)]
pub(crate) async fn delete_end_user(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(user): InPath<EndUserId>,
    only_if: Precondition,
) -> Answer<StatusCode> {
    let remove = |before: Option<&UserRecord>| {
        only_if.check(before.map(version).as_deref())?;
        before.map(|_| None).ok_or_else(records::nobody)
    };
    records::change(&manager, &caller, app.id, "delete_end_user", user.0, remove).await?;
    Ok(StatusCode::NO_CONTENT)
}
