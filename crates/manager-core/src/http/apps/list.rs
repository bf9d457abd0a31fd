//! `GET /api/v1/admin/apps`.

use axum::{Json, extract::State};

use super::AppBody;
use crate::{
    Manager,
    http::{
        caller::Owner,
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
    _: Owner,
    QueryParams(query): QueryParams<ListQuery>,
) -> Answer<Json<List<AppBody>>> {
    let apps = manager.repository().list_apps(query.page()?).await?;
    Ok(Json(List::of(apps, AppBody::from)))
}
