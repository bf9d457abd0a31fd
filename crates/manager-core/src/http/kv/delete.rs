//! `DELETE /api/v1/admin/apps/{app}/kv/{key}`.

use axum::extract::State;
use http::StatusCode;
use picloud_shared::services::{Expiry, Write};

use super::{Key, record};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, InPath},
        problem::{Answer, not_found, problems},
    },
};

problems!(DeleteKvProblems: NotFound, Conflict, CommitUnknown, TooManyRequests, LoopDetected);

/// Delete a key
#[utoipa::path(
    delete,
    path = "/api/v1/admin/apps/{app}/kv/{key}",
    tag = "kv",
    responses((status = 204, description = "Deleted"), DeleteKvProblems),
)]
pub(crate) async fn delete_kv(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(key): InPath<Key>,
) -> Answer<StatusCode> {
    let before = key.find(&manager, app.id).await?;
    let before = before.ok_or_else(|| not_found("key"))?;
    let write = Write {
        key: key.0,
        value: None,
        expiry: Expiry::Never,
    };
    record::write(&manager, &caller, app.id, "delete_kv", Some(&before), write).await?;
    Ok(StatusCode::NO_CONTENT)
}
