//! `GET /api/v1/admin/apps/{app}/kv/{key}`.

use axum::{extract::State, response::IntoResponse};
use picloud_shared::services::KvItem;

use super::{Key, KvItemBody, with_etag};
use crate::{
    Manager,
    http::{
        extract::{AppPath, InPath},
        problem::{Answer, not_found, problems},
    },
};

problems!(GetKvProblems: NotFound);

/// Get a key
///
/// Its `version` is also the `ETag`.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/kv/{key}",
    tag = "kv",
    responses((status = 200, description = "The key with its value", body = KvItemBody), GetKvProblems),
)]
pub(crate) async fn get_kv(
    State(manager): State<Manager>,
    AppPath { app, .. }: AppPath,
    InPath(key): InPath<Key>,
) -> Answer<impl IntoResponse> {
    let found = key.find(&manager, app.id).await?;
    let entry = found.ok_or_else(|| not_found("key"))?;
    Ok(with_etag(KvItemBody::whole(KvItem { key: key.0, entry })))
}
