//! `DELETE /api/v1/admin/invitations/{invitation}`.

use axum::extract::State;
use http::StatusCode;
use picloud_shared::{id::InvitationId, repository::DeletedInvitation};

use crate::{
    Manager,
    http::{
        access::Caller,
        extract::InPath,
        problem::{Answer, hidden, not_found, problems},
    },
};

problems!(DeleteInvitationProblems: NotFound);

/// Take an invitation back
///
/// Its link then makes no account. One that you could not give is not found.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/invitations/{invitation}",
    tag = "people",
    responses((status = 204, description = "Taken back"), DeleteInvitationProblems),
)]
pub(crate) async fn delete_invitation(
    State(manager): State<Manager>,
    caller: Caller,
    InPath(invitation): InPath<InvitationId>,
) -> Answer<StatusCode> {
    let change = caller.change(&manager, None);
    match manager
        .repository()
        .delete_invitation(invitation, &change)
        .await?
    {
        DeletedInvitation::Deleted => {}
        DeletedInvitation::NotThere => return Err(not_found("invitation")),
        DeletedInvitation::Hidden => return Err(hidden("invitation")),
    }
    tracing::info!(invitation.id = %invitation, by = %caller.user.id, "invitation taken back");
    Ok(StatusCode::NO_CONTENT)
}
