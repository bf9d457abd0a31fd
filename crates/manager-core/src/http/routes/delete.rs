//! `DELETE /api/v1/admin/routes/{route}`.

use axum::extract::State;
use http::StatusCode;
use picloud_shared::id::RouteId;

use crate::{
    Manager,
    http::{
        access::Caller,
        extract::InPath,
        problem::{Answer, not_found, problems},
    },
};

problems!(DeleteRouteProblems: NotFound, LoopDetected);

/// Delete a route
///
/// Its script stays.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/routes/{route}",
    tag = "routes",
    responses((status = 204, description = "Deleted"), DeleteRouteProblems),
)]
pub(crate) async fn delete_route(
    State(manager): State<Manager>,
    caller: Caller,
    InPath(route): InPath<RouteId>,
) -> Answer<StatusCode> {
    let app = caller.route(&manager, route).await?.app_id;
    let change = caller.change(&manager, None);
    if !manager.repository().delete_route(route, &change).await? {
        return Err(not_found("route"));
    }
    manager.publish(app).await;
    Ok(StatusCode::NO_CONTENT)
}
