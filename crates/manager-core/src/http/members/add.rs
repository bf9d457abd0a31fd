//! `POST /api/v1/admin/apps/{app}/members`.

use axum::{Json, extract::State, response::IntoResponse};
use http::{StatusCode, header};
use picloud_shared::{access::AppRole, id::UserId, problem::Code, repository::AddMemberError};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::MemberBody;
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, JsonBody},
        problem::{Answer, Refusal, not_found, problem, problems},
        validate::id,
    },
};

problems!(AddMemberProblems: NotFound, AlreadyMember, UserInactive, NotAMemberUser);

/// Somebody to make a member.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddMember {
    /// Who; `GET /api/v1/admin/users:search` finds them.
    #[serde(deserialize_with = "id")]
    user_id: Uuid,
    /// `viewer`, `editor` or `app_admin`.
    #[schema(value_type = String, example = "editor")]
    role: AppRole,
}

/// Add a member to an app
///
/// Only somebody whose role on the instance is `member`: owners and admins have a role in every app anyway.
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/{app}/members",
    tag = "members",
    request_body = AddMember,
    responses((status = 201, description = "Added", body = MemberBody), AddMemberProblems),
)]
pub(crate) async fn add_member(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    JsonBody(body): JsonBody<AddMember>,
) -> Answer<impl IntoResponse> {
    let change = caller.change(&manager, None);
    let member = manager
        .repository()
        .add_member(app.id, UserId(body.user_id), body.role, &change)
        .await
        .map_err(refusal)?;
    tracing::info!(app.id = %app.id, user.id = %member.user.id, role = body.role.as_str(), "member added");
    let location = format!("/api/v1/admin/apps/{}/members/{}", app.slug, member.user.id);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(MemberBody::from(member)),
    ))
}

fn refusal(error: AddMemberError) -> Refusal {
    match error {
        AddMemberError::AlreadyMember => problem(
            Code::AlreadyMember,
            "This person is a member of the app already; change their role with PATCH.",
        ),
        AddMemberError::Inactive => problem(
            Code::UserInactive,
            "This account is deactivated. Have it activated first.",
        ),
        AddMemberError::NotAMemberUser => problem(
            Code::NotAMemberUser,
            "Owners and admins of the instance have a role in every app already; there is nothing to add.",
        ),
        AddMemberError::NoUser => not_found("user"),
        AddMemberError::NoApp => not_found("app"),
        AddMemberError::Store(error) => error.into(),
    }
}
