//! `/api/v1/admin/invitations`: links that make one account each.

pub(crate) mod accept;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod preview;

use picloud_shared::{
    access::AppRole,
    invitation::Invitation,
    problem::Code,
    seam::Origin,
    time::Timestamp,
    user::{Email, InstanceRole, Username},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::problem::{Answer, Refusal, problem, too_many};
use crate::{
    Manager,
    accounts::{InvitationToken, Who},
};

/// An invitation that nobody took yet. Its token is shown only to who made it.
#[derive(Serialize, ToSchema)]
#[schema(as = Invitation)]
pub(crate) struct InvitationBody {
    id: Uuid,
    /// The username that the new person gets; if null, they choose.
    #[schema(value_type = Option<String>, required)]
    username: Option<Username>,
    #[schema(value_type = Option<String>, required)]
    email: Option<Email>,
    #[schema(value_type = String, example = "member")]
    instance_role: InstanceRole,
    /// The app in which they get `app_role`.
    #[schema(required)]
    app_id: Option<Uuid>,
    #[schema(value_type = Option<String>, required, example = "editor")]
    app_role: Option<AppRole>,
    /// Who invited.
    created_by: Uuid,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// 72 hours later.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl From<Invitation> for InvitationBody {
    fn from(invitation: Invitation) -> Self {
        Self {
            id: invitation.id.0,
            username: invitation.username,
            email: invitation.email,
            instance_role: invitation.instance_role,
            app_id: invitation.membership.map(|membership| membership.app.0),
            app_role: invitation.membership.map(|membership| membership.role),
            created_by: invitation.created_by.0,
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
        }
    }
}

/// The invitation of this token, and who invited. A wrong token counts as a failure of its address, and unknown, ended
/// and used ones answer alike.
async fn find(
    manager: &Manager,
    token: &str,
    origin: &Origin,
) -> Answer<(InvitationToken, Invitation, Username)> {
    let attempt = manager
        .throttle()
        .begin(Who::Nobody, origin.remote_addr, manager.now())
        .map_err(|wait| too_many(wait, "Too many wrong invitations. Wait before the next try."))?;
    let found = match InvitationToken::read(token) {
        None => None,
        Some(token) => match manager
            .repository()
            .find_invitation(&token.hash(), manager.now())
            .await
        {
            Ok(found) => found.map(|(invitation, inviter)| (token, invitation, inviter)),
            Err(error) => {
                attempt.withdrawn();
                return Err(error.into());
            }
        },
    };
    let found = found.ok_or_else(invalid_invitation)?;
    attempt.succeeded();
    Ok(found)
}

fn invalid_invitation() -> Refusal {
    problem(
        Code::InvitationInvalid,
        "This invitation does not exist, has ended or was used. Ask for a new one.",
    )
    .denied(Code::InvitationInvalid)
}
