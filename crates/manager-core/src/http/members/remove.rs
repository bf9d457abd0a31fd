//! `DELETE /api/v1/admin/apps/{app}/members/{user}`.

use axum::extract::State;
use http::StatusCode;
use picloud_shared::user::UserRef;

use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, InPath},
        problem::{Answer, problems},
    },
};

problems!(RemoveMemberProblems: NotFound);

/// Remove a member from an app
///
/// Answers the same when there was no such member, or no such account at all.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/apps/{app}/members/{user}",
    tag = "members",
    responses((status = 204, description = "Not a member, or not any more"), RemoveMemberProblems),
)]
pub(crate) async fn remove_member(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(user): InPath<UserRef>,
) -> Answer<StatusCode> {
    let change = caller.change(&manager, None);
    let removed = manager.repository().remove_member(app.id, &user, &change).await?;
    if removed {
        tracing::info!(app.id = %app.id, ?user, "member removed");
    }
    Ok(StatusCode::NO_CONTENT)
}
