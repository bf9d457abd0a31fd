//! `GET /api/v1/admin/scripts`.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::ScriptBody;
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::QueryParams,
        list::{List, page},
        problem::{Answer, problems},
    },
};

problems!(ListScriptsProblems: NotFound);

/// Which scripts.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListScriptsQuery {
    /// Only of this app, by id or slug.
    app: Option<String>,
    /// Most items on a page.
    #[param(default = 50, minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List scripts
///
/// Each with its live version, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/admin/scripts",
    tag = "scripts",
    params(ListScriptsQuery),
    responses((status = 200, description = "A page of scripts", body = List<ScriptBody>), ListScriptsProblems),
)]
pub(crate) async fn list_scripts(
    State(manager): State<Manager>,
    caller: Caller,
    QueryParams(query): QueryParams<ListScriptsQuery>,
) -> Answer<Json<List<ScriptBody>>> {
    let page = page(query.limit, query.cursor.as_deref())?;
    let scope = caller.scope(&manager, query.app.as_deref()).await?;
    let scripts = manager.repository().list_scripts(scope, page).await?;
    Ok(Json(List::of(scripts, ScriptBody::at(manager.now()))))
}
