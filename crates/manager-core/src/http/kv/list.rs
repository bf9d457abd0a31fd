//! `GET /api/v1/admin/apps/{app}/kv`.

use axum::{Json, extract::State};
use picloud_shared::{
    page::Stamp,
    services::{KEY_BYTES_MAX, is_reserved},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{KvItemBody, page};
use crate::{
    Manager,
    http::{
        extract::{AppPath, QueryParams},
        list::{self, List},
        problem::{Answer, problems},
        validate::Violations,
    },
};

problems!(ListKvProblems: NotFound);

/// Which keys.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListKvQuery {
    /// Only keys that begin with this.
    #[param(max_length = 512)]
    prefix: Option<String>,
    /// Most items on a page. There may be fewer, if they are large.
    #[param(default = 50, minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List an app's keys
///
/// In the order of the bytes of the keys, with values of up to 4,096 bytes.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/kv",
    tag = "kv",
    params(ListKvQuery),
    responses((status = 200, description = "A page of keys", body = List<KvItemBody>), ListKvProblems),
)]
pub(crate) async fn list_kv(
    State(manager): State<Manager>,
    AppPath { app, .. }: AppPath,
    QueryParams(query): QueryParams<ListKvQuery>,
) -> Answer<Json<List<KvItemBody>>> {
    let prefix = query.prefix.unwrap_or_default();
    let mut violations = Violations::default();
    violations.require(
        prefix.len() <= KEY_BYTES_MAX,
        "prefix",
        format!("must have at most {KEY_BYTES_MAX} bytes"),
    );
    violations.require(
        !is_reserved(&prefix),
        "prefix",
        "must not begin with the character 0",
    );
    violations.finish()?;
    let limit = list::limit(query.limit)?;
    let stamp = Stamp::of(&["keys", &prefix]);
    let after = query
        .cursor
        .as_deref()
        .map(|cursor| list::decode_text_in(stamp, cursor))
        .transpose()?;
    let (items, more) = page(&manager, app.id, &prefix, after, limit).await?;
    let last = items.last().filter(|_| more);
    Ok(Json(List {
        next_cursor: last.map(|item| list::encode_in(stamp, item.key.as_bytes())),
        items: items.into_iter().map(KvItemBody::listed).collect(),
    }))
}
