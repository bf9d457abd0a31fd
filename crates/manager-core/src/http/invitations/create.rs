//! `POST /api/v1/admin/invitations`.

use axum::{Json, extract::State, response::IntoResponse};
use http::StatusCode;
use picloud_shared::{
    access::{AppRole, Capability},
    id::InvitationId,
    invitation::{INVITATION_TTL, Invitation, InvitedMembership},
    repository::CreateInvitationError,
    time::Timestamp,
    user::{Email, InstanceRole, Username},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::InvitationBody;
use crate::{
    Manager,
    accounts::InvitationToken,
    http::{
        access::Caller,
        admins::{Touched, not_allowed, refuse_token, username_taken},
        extract::{JsonBody, find_by_text},
        problem::{Answer, Refusal, not_found, problems},
        validate::Violations,
    },
};

problems!(CreateInvitationProblems: NotFound, UsernameTaken);

/// Whom to invite, and to what.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateInvitation {
    /// The username that the new person gets; without it they choose. This or `email` must be there.
    #[serde(default)]
    #[schema(example = "grace")]
    username: Option<String>,
    /// The e-mail address that the account gets. No mail is sent: give the link to the person.
    #[serde(default)]
    #[schema(example = "grace@example.com")]
    email: Option<String>,
    /// `owner`, `admin` or `member`; not above your own.
    #[schema(value_type = String, example = "member")]
    instance_role: InstanceRole,
    /// Id or slug of an app in which a `member` gets `app_role` too. You must be able to manage its members.
    #[serde(default)]
    #[schema(example = "shop")]
    app: Option<String>,
    /// `viewer`, `editor` or `app_admin`; with `app` only.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "editor")]
    app_role: Option<AppRole>,
}

/// A new invitation, with the only copy of its token.
#[derive(Serialize, ToSchema)]
#[schema(as = NewInvitation)]
pub(crate) struct NewInvitationBody {
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
    /// What the new person takes the invitation with. It is shown only here.
    token: String,
    /// The path of the link, on the host of the dashboard.
    #[schema(example = "/admin/invitations/pci_…")]
    path: String,
}

/// Invite somebody
///
/// The link makes one account, within 72 hours, as long as you could still give what it gives.
#[utoipa::path(
    post,
    path = "/api/v1/admin/invitations",
    tag = "people",
    request_body = CreateInvitation,
    responses((status = 201, description = "Invited", body = NewInvitationBody), CreateInvitationProblems),
)]
pub(crate) async fn create_invitation(
    State(manager): State<Manager>,
    caller: Caller,
    JsonBody(body): JsonBody<CreateInvitation>,
) -> Answer<impl IntoResponse> {
    // Whoever takes an invitation chooses a password, and the link is in the answer.
    let touched = Touched {
        user: None,
        role: Some(body.instance_role),
        password: true,
    };
    refuse_token(&caller, &touched)?;

    let mut violations = Violations::default();
    let username: Option<Username> = violations.parse_some("username", body.username.as_deref());
    let email: Option<Email> = violations.parse_some("email", body.email.as_deref());
    let is_bound = body.username.is_some() || body.email.is_some();
    violations.require(
        is_bound,
        "username",
        "must be there, or `email`: an invitation is for somebody",
    );
    let is_pair = body.app.is_some() == body.app_role.is_some();
    violations.require(is_pair, "app_role", "must be there exactly if `app` is");
    let is_needed = body.app.is_none() || body.instance_role == InstanceRole::Member;
    violations.require(
        is_needed,
        "app",
        "must be absent: owners and admins have a role in every app",
    );
    violations.finish()?;

    let membership = membership(&manager, &caller, body.app.as_deref(), body.app_role).await?;
    let change = caller.change(&manager, None);
    let invitation = Invitation {
        id: InvitationId::new(change.at),
        username,
        email,
        instance_role: body.instance_role,
        membership,
        created_by: caller.user.id,
        created_at: change.at,
        expires_at: change.at.plus(INVITATION_TTL),
    };
    let token = InvitationToken::generate();
    manager
        .repository()
        .create_invitation(&invitation, &token.hash(), &change)
        .await
        .map_err(|error| refusal(error, &invitation))?;
    tracing::info!(invitation.id = %invitation.id, by = %caller.user.id, "invited");
    Ok((
        StatusCode::CREATED,
        Json(NewInvitationBody::new(invitation, &token)),
    ))
}

/// The role in an app that comes with the invitation, if the caller may give one there.
async fn membership(
    manager: &Manager,
    caller: &Caller,
    app: Option<&str>,
    role: Option<AppRole>,
) -> Answer<Option<InvitedMembership>> {
    let (Some(app), Some(role)) = (app, role) else {
        return Ok(None);
    };
    let app = find_by_text(manager, app).await?.id;
    caller
        .permit_to(manager, Capability::MemberManage, app, "app")
        .await?;
    Ok(Some(InvitedMembership { app, role }))
}

impl NewInvitationBody {
    fn new(invitation: Invitation, token: &InvitationToken) -> Self {
        let InvitationBody {
            id,
            username,
            email,
            instance_role,
            app_id,
            app_role,
            created_by,
            created_at,
            expires_at,
        } = invitation.into();
        Self {
            id,
            username,
            email,
            instance_role,
            app_id,
            app_role,
            created_by,
            created_at,
            expires_at,
            token: token.as_str().to_owned(),
            path: format!("/admin/invitations/{}", token.as_str()),
        }
    }
}

fn refusal(error: CreateInvitationError, invitation: &Invitation) -> Refusal {
    match error {
        CreateInvitationError::UsernameTaken => {
            let username = invitation.username.as_ref();
            username_taken(username.map(Username::as_str).unwrap_or_default())
        }
        CreateInvitationError::NoApp => not_found("app"),
        CreateInvitationError::Refused(refused) => not_allowed(refused),
        CreateInvitationError::Store(error) => error.into(),
    }
}
