//! `GET /api/v1/admin/invitations`.

use axum::{Json, extract::State};

use super::InvitationBody;
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::QueryParams,
        list::{List, ListQuery},
        problem::Answer,
    },
};

/// List invitations
///
/// Those that nobody took yet and that have not ended, oldest first; only those that you could give: below your own
/// rank or to it, and into apps whose members you manage.
#[utoipa::path(
    get,
    path = "/api/v1/admin/invitations",
    tag = "people",
    params(ListQuery),
    responses((status = 200, description = "A page of invitations", body = List<InvitationBody>)),
)]
pub(crate) async fn list_invitations(
    State(manager): State<Manager>,
    caller: Caller,
    QueryParams(query): QueryParams<ListQuery>,
) -> Answer<Json<List<InvitationBody>>> {
    let invitations = manager
        .repository()
        .list_invitations(caller.user.id, manager.now(), query.page()?)
        .await?;
    Ok(Json(List::of(invitations, InvitationBody::from)))
}
