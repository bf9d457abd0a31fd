//! `GET /api/v1/admin/apps/{app}/users`.

use axum::{Json, extract::State};
use picloud_shared::{
    id::AppId,
    page::Stamp,
    services::{KvItem, KvValue, USER_NAMES, UserRecord, user_name_key},
};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::{EndUserBody, records};
use crate::{
    Manager,
    http::{
        executions::list::SEARCH_CHARS_MAX,
        extract::{AppPath, QueryParams},
        kv::page,
        list::{self, List},
        problem::{Answer, internal, problems},
        validate::Violations,
    },
};

problems!(ListEndUsersProblems: NotFound);

/// Most users on a page: as many as one question to the database names.
pub(super) const USERS_PER_PAGE_MAX: u32 = 100;

/// Which users.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListEndUsersQuery {
    /// Only users whose names begin with this, in any case.
    q: Option<String>,
    /// Most items on a page; more than 100 count as 100.
    #[param(default = 50, minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List an app's own users
///
/// In the order of their names. They sign in to the app; the accounts of PiCloud are others.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/users",
    tag = "users",
    params(ListEndUsersQuery),
    responses((status = 200, description = "A page of users", body = List<EndUserBody>), ListEndUsersProblems),
)]
pub(crate) async fn list_end_users(
    State(manager): State<Manager>,
    AppPath { app, .. }: AppPath,
    QueryParams(query): QueryParams<ListEndUsersQuery>,
) -> Answer<Json<List<EndUserBody>>> {
    let q = query.q.unwrap_or_default();
    let mut violations = Violations::default();
    violations.require(
        q.chars().count() <= SEARCH_CHARS_MAX,
        "q",
        format!("must have at most {SEARCH_CHARS_MAX} characters"),
    );
    violations.finish()?;
    let limit = list::limit(query.limit)?.min(USERS_PER_PAGE_MAX);
    let stamp = Stamp::of(&["users", &user_name_key(&q)]);
    let after = query
        .cursor
        .as_deref()
        .map(|cursor| list::decode_text_in(stamp, cursor))
        .transpose()?;
    let (found, last) = named(&manager, app.id, &q, after, limit).await?;
    let next_cursor = last.map(|name| list::encode_in(stamp, name.as_bytes()));
    let now = manager.now();
    Ok(Json(List {
        items: found
            .into_iter()
            .map(|record| EndUserBody::at(record, now))
            .collect(),
        next_cursor,
    }))
}

/// Users whose names begin with `q` and come after `after`; and the last name, if there are more.
pub(super) async fn named(
    manager: &Manager,
    app: AppId,
    q: &str,
    after: Option<String>,
    limit: u32,
) -> Answer<(Vec<UserRecord>, Option<String>)> {
    let after = after.map(|name| format!("{USER_NAMES}{name}"));
    let (items, more) = page(manager, app, &user_name_key(q), after, limit).await?;
    let last = items
        .last()
        .filter(|_| more)
        .and_then(|item| item.key.strip_prefix(USER_NAMES));
    let last = last.map(str::to_owned);
    let ids = items.iter().map(id).collect::<Answer<Vec<_>>>()?;
    Ok((records::find(manager, app, &ids).await?, last))
}

fn id(item: &KvItem) -> Answer<Uuid> {
    match &item.entry.value {
        KvValue::Json(text) => serde_json::from_str(text).map_err(|_| internal()),
        KvValue::Blob(_) => Err(internal()),
    }
}
