//! `DELETE /api/v1/admin/admins/{user}`.

use axum::extract::State;
use http::StatusCode;

use super::{Touched, refusal, refuse_token};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::UserPath,
        problem::{Answer, not_found, problems},
    },
};

problems!(DeleteUserProblems: NotFound, LastOwner);

/// Delete an account
///
/// With its sessions, API tokens, memberships and open invitations. What the person made stays, and so does their name
/// in the history of it. An API token deletes members only, and not its own account.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/admins/{user}",
    tag = "people",
    responses((status = 204, description = "Deleted"), DeleteUserProblems),
)]
pub(crate) async fn delete_user(
    State(manager): State<Manager>,
    caller: Caller,
    UserPath(user): UserPath,
) -> Answer<StatusCode> {
    let touched = Touched {
        user: Some(&user),
        role: None,
        password: false,
    };
    refuse_token(&caller, &touched)?;
    let deleted = manager
        .repository()
        .delete_account(user.id, &caller.change(&manager, None))
        .await
        .map_err(|error| refusal(error, user.username.as_str()))?;
    if !deleted {
        return Err(not_found("user"));
    }
    tracing::info!(user.id = %user.id, by = %caller.user.id, "account deleted");
    Ok(StatusCode::NO_CONTENT)
}
