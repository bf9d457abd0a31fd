//! `GET /api/v1/admin/admins`.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    Manager,
    http::{
        auth::UserBody,
        executions::list::SEARCH_CHARS_MAX,
        extract::QueryParams,
        list::{List, page},
        problem::Answer,
        validate::Violations,
    },
};

/// Which people, and which page of them.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListUsersQuery {
    /// Only those whose username or e-mail address has this in it, in any case; at most 200 characters.
    q: Option<String>,
    /// Most items on a page.
    #[param(default = 50, minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List accounts
///
/// Oldest first, deactivated ones too.
#[utoipa::path(
    get,
    path = "/api/v1/admin/admins",
    tag = "people",
    params(ListUsersQuery),
    responses((status = 200, description = "A page of people", body = List<UserBody>)),
)]
pub(crate) async fn list_users(
    State(manager): State<Manager>,
    QueryParams(query): QueryParams<ListUsersQuery>,
) -> Answer<Json<List<UserBody>>> {
    let page = page(query.limit, query.cursor.as_deref())?;
    let mut violations = Violations::default();
    if let Some(text) = &query.q {
        let fits = text.chars().count() <= SEARCH_CHARS_MAX;
        violations.require(
            fits,
            "q",
            format!("must have at most {SEARCH_CHARS_MAX} characters"),
        );
    }
    violations.finish()?;
    let users = manager
        .repository()
        .list_accounts(query.q.as_deref(), page)
        .await?;
    Ok(Json(List::of(users, UserBody::from)))
}
