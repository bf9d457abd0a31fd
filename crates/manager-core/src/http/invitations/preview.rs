//! `POST /api/v1/admin/invitations:preview`.

use axum::{Extension, Json, extract::State};
use picloud_shared::{
    seam::Origin,
    time::Timestamp,
    user::{Email, InstanceRole, Username},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::find;
use crate::{
    Manager,
    http::{
        extract::JsonBody,
        problem::{Answer, problems},
    },
};

problems!(PreviewInvitationProblems: InvitationInvalid, TooManyRequests);

/// The token of an invitation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreviewInvitation {
    /// The last part of the link.
    token: String,
}

/// What an invitation says to whom it is for.
#[derive(Serialize, ToSchema)]
#[schema(as = InvitationPreview)]
pub(crate) struct InvitationPreviewBody {
    /// The username that you get; if null, you choose.
    #[schema(value_type = Option<String>, required)]
    username: Option<Username>,
    #[schema(value_type = Option<String>, required)]
    email: Option<Email>,
    #[schema(value_type = String, example = "member")]
    instance_role: InstanceRole,
    /// The username of who invited you.
    #[schema(value_type = String, example = "ada")]
    invited_by: Username,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Look at an invitation
///
/// For who has its token. An unknown one, one that has ended and one that was used answer alike.
#[utoipa::path(
    post,
    path = "/api/v1/admin/invitations:preview",
    tag = "people",
    request_body = PreviewInvitation,
    responses((status = 200, description = "The invitation", body = InvitationPreviewBody), PreviewInvitationProblems),
)]
pub(crate) async fn preview_invitation(
    State(manager): State<Manager>,
    Extension(origin): Extension<Origin>,
    JsonBody(body): JsonBody<PreviewInvitation>,
) -> Answer<Json<InvitationPreviewBody>> {
    let (_, invitation, invited_by) = find(&manager, &body.token, &origin).await?;
    Ok(Json(InvitationPreviewBody {
        username: invitation.username,
        email: invitation.email,
        instance_role: invitation.instance_role,
        invited_by,
        expires_at: invitation.expires_at,
    }))
}
