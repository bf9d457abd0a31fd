//! `GET /api/v1/admin/apps`.

use axum::{Json, extract::State};
use picloud_shared::{access::AppRole, repository::ListedApp};

use super::AppBody;
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::QueryParams,
        list::{List, ListQuery},
        problem::Answer,
    },
};

/// List apps
///
/// Those that the caller may see, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps",
    tag = "apps",
    params(ListQuery),
    responses((status = 200, description = "A page of apps", body = List<AppBody>)),
)]
pub(crate) async fn list_apps(
    State(manager): State<Manager>,
    caller: Caller,
    QueryParams(query): QueryParams<ListQuery>,
) -> Answer<Json<List<AppBody>>> {
    let page = query.page()?;
    let scope = caller.scope(&manager, None).await?;
    let apps = manager
        .repository()
        .list_apps(scope, caller.user.id, page)
        .await?;
    let body = |ListedApp { app, membership }| {
        // What is listed can be seen; the statement and the rule say the same.
        let role = caller.role_in(app.id, membership).unwrap_or(AppRole::Viewer);
        AppBody::new(app, role)
    };
    Ok(Json(List::of(apps, body)))
}
