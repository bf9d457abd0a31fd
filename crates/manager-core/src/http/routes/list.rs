//! `GET /api/v1/admin/routes`.

use axum::{Json, extract::State};
use picloud_shared::id::ScriptId;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::RouteBody;
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::QueryParams,
        list::{List, page},
        problem::{Answer, problems},
        validate::some_id,
    },
};

problems!(ListRoutesProblems: NotFound);

/// Which routes.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListRoutesQuery {
    /// Only of this app, by id or slug.
    app: Option<String>,
    /// Only to this script.
    #[serde(default, deserialize_with = "some_id")]
    script: Option<Uuid>,
    /// Most items on a page.
    #[param(default = 50, minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List routes
///
/// Oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/admin/routes",
    tag = "routes",
    params(ListRoutesQuery),
    responses((status = 200, description = "A page of routes", body = List<RouteBody>), ListRoutesProblems),
)]
pub(crate) async fn list_routes(
    State(manager): State<Manager>,
    caller: Caller,
    QueryParams(query): QueryParams<ListRoutesQuery>,
) -> Answer<Json<List<RouteBody>>> {
    let page = page(query.limit, query.cursor.as_deref())?;
    let scope = caller.scope(&manager, query.app.as_deref()).await?;
    let routes = manager
        .repository()
        .list_routes(scope, query.script.map(ScriptId), page)
        .await?;
    Ok(Json(List::of(routes, RouteBody::from)))
}
