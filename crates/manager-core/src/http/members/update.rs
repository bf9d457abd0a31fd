//! `PATCH /api/v1/admin/apps/{app}/members/{user}`.

use axum::{Json, extract::State};
use picloud_shared::{access::AppRole, user::UserRef};
use serde::Deserialize;
use utoipa::ToSchema;

use super::MemberBody;
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, InPath, JsonBody},
        problem::{Answer, not_found, problems},
    },
};

problems!(UpdateMemberProblems: NotFound);

/// Another role for a member.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateMember {
    /// `viewer`, `editor` or `app_admin`.
    #[schema(value_type = String, example = "viewer")]
    role: AppRole,
}

/// Change a member's role
///
/// It counts from their next request on. The own role can be changed too, and an app can be left without any
/// `app_admin`: owners of the instance are always one.
#[utoipa::path(
    patch,
    path = "/api/v1/admin/apps/{app}/members/{user}",
    tag = "members",
    request_body = UpdateMember,
    responses((status = 200, description = "Changed", body = MemberBody), UpdateMemberProblems),
)]
pub(crate) async fn update_member(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(user): InPath<UserRef>,
    JsonBody(body): JsonBody<UpdateMember>,
) -> Answer<Json<MemberBody>> {
    let change = caller.change(&manager, None);
    let updated = manager
        .repository()
        .set_member_role(app.id, &user, body.role, &change)
        .await?;
    let member = updated.ok_or_else(|| not_found("member"))?;
    tracing::info!(app.id = %app.id, user.id = %member.user.id, role = body.role.as_str(), "member's role changed");
    Ok(Json(member.into()))
}
