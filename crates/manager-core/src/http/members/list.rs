//! `GET /api/v1/admin/apps/{app}/members`, and one of them.

use axum::{Json, extract::State};
use picloud_shared::user::UserRef;

use super::MemberBody;
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, InPath, QueryParams},
        list::{List, ListQuery},
        problem::{Answer, not_found, problems},
    },
};

problems!(MemberProblems: NotFound);

/// List an app's members
///
/// In the order in which their accounts were made. Owners and admins of the instance are not among them unless they
/// were members before: their role implies one in every app.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/members",
    tag = "members",
    params(ListQuery),
    responses((status = 200, description = "A page of members", body = List<MemberBody>), MemberProblems),
)]
pub(crate) async fn list_members(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
    QueryParams(query): QueryParams<ListQuery>,
) -> Answer<Json<List<MemberBody>>> {
    let members = manager.repository().list_members(app.id, query.page()?).await?;
    Ok(Json(List::of(members, MemberBody::from)))
}

/// Get a member
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/members/{user}",
    tag = "members",
    responses((status = 200, description = "The member", body = MemberBody), MemberProblems),
)]
pub(crate) async fn get_member(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
    InPath(user): InPath<UserRef>,
) -> Answer<Json<MemberBody>> {
    let found = manager.repository().find_member(app.id, &user).await?;
    let member = found.ok_or_else(|| not_found("member"))?;
    Ok(Json(member.into()))
}
