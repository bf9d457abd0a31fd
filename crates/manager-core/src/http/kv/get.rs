//! `GET /api/v1/admin/apps/{app}/kv/{key}`.

use axum::{Json, extract::State};
use picloud_shared::services::KvItem;

use super::{Key, KvItemBody};
use crate::{
    Manager,
    http::{
        extract::{AppPath, InPath},
        problem::{Answer, not_found, problems},
    },
};

problems!(GetKvProblems: NotFound);

/// Get a key
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
) -> Answer<Json<KvItemBody>> {
    let found = key.find(&manager, app.id).await?;
    let entry = found.ok_or_else(|| not_found("key"))?;
    Ok(Json(KvItemBody::whole(KvItem { key: key.0, entry })))
}
