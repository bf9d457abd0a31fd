//! `POST /api/v1/admin/invitations:accept`.

use axum::{Extension, extract::State, response::IntoResponse};
use http::{HeaderMap, StatusCode, Uri};
use picloud_shared::{
    change::Change,
    id::UserId,
    invitation::Invitation,
    repository::{AcceptInvitationError, InvitedPerson},
    seam::Origin,
    user::Username,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{find, invalid_invitation};
use crate::{
    Manager, accounts,
    http::{
        access::cross_site,
        admins::username_taken,
        auth::{SignedInBody, signed_in},
        cross_site::is_cross_site,
        extract::{FromDevice, JsonBody},
        problem::{Answer, problems},
        validate::Violations,
    },
};

problems!(AcceptInvitationProblems: CrossSiteRequest, InvitationInvalid, UsernameTaken, TooManyRequests, Overloaded);

/// Who takes an invitation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcceptInvitation {
    /// The last part of the link.
    token: String,
    /// 1 to 64 letters, digits, or `.`, `_`, `-`, `@`, `+`; needed unless the invitation has one.
    #[serde(default)]
    #[schema(example = "grace")]
    username: Option<String>,
    /// 8 to 1,024 bytes, not one of the commonest.
    #[schema(example = "a bicycle for the mind")]
    password: String,
}

/// Take an invitation
///
/// Makes the account and signs in. The invitation is used up.
#[utoipa::path(
    post,
    path = "/api/v1/admin/invitations:accept",
    tag = "people",
    request_body = AcceptInvitation,
    responses((status = 201, description = "Made and signed in", body = SignedInBody), AcceptInvitationProblems),
)]
pub(crate) async fn accept_invitation(
    State(manager): State<Manager>,
    Extension(origin): Extension<Origin>,
    FromDevice(device): FromDevice,
    uri: Uri,
    headers: HeaderMap,
    JsonBody(body): JsonBody<AcceptInvitation>,
) -> Answer<impl IntoResponse> {
    // Another site must not sign a visitor in as somebody else.
    if is_cross_site(&headers, &uri) {
        return Err(cross_site());
    }
    let (token, invitation, _) = find(&manager, &body.token, &origin).await?;
    let username = check(&invitation, &body)?;

    let password_hash = manager.hasher().hash(body.password).await?;
    let at = manager.now();
    let new = InvitedPerson {
        id: UserId::new(at),
        username,
        password_hash,
    };
    let change = Change::at_entrance(Some(new.id), &origin, at);
    let accepted = manager
        .repository()
        .accept_invitation(&token.hash(), &new, &change)
        .await;
    let user = match accepted {
        Ok(user) => user.ok_or_else(invalid_invitation)?,
        Err(AcceptInvitationError::UsernameTaken) => return Err(username_taken(new.username.as_str())),
        Err(AcceptInvitationError::Store(error)) => return Err(error.into()),
    };
    tracing::info!(user.id = %user.id, invitation.id = %invitation.id, "invitation taken");
    let session = accounts::begin_session(&manager, user, device).await?;
    Ok((StatusCode::CREATED, signed_in(&session, origin.scheme)))
}

/// The username that the new person gets.
fn check(invitation: &Invitation, body: &AcceptInvitation) -> Answer<Username> {
    let mut violations = Violations::default();
    let wanted: Option<Username> = violations.parse_some("username", body.username.as_deref());
    let username = match (&invitation.username, wanted) {
        (Some(given), Some(wanted)) if *given != wanted => {
            violations.add(
                "username",
                format!("must be `{given}`, or absent: the invitation says so"),
            );
            None
        }
        (Some(given), _) => Some(given.clone()),
        (None, None) if body.username.is_none() => {
            violations.add("username", "must be there: the invitation leaves it to you");
            None
        }
        (None, wanted) => wanted,
    };
    if let Some(username) = &username
        && let Err(refused) = accounts::check_password(&body.password, username)
    {
        violations.add("password", refused);
    }
    violations.finish_with(username)
}
