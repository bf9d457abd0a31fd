//! `DELETE /api/v1/admin/apps/{app}/kv/{key}`.

use axum::extract::State;
use http::StatusCode;
use picloud_shared::services::Expiry;

use super::{Key, record::Change};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, InPath, Precondition},
        problem::{Answer, problems},
    },
};

problems!(
    DeleteKvProblems: NotFound, Conflict, VersionMismatch, CommitUnknown, TooManyRequests, LoopDetected
);

/// Delete a key
///
/// Send the `version` that you know as `If-Match` to be sure that nobody and no script changed it meanwhile.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/apps/{app}/kv/{key}",
    tag = "kv",
    params(("If-Match" = Option<String>, Header, description = "The version that must be there, in quotes")),
    responses((status = 204, description = "Deleted"), DeleteKvProblems),
)]
pub(crate) async fn delete_kv(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(key): InPath<Key>,
    only_if: Precondition,
) -> Answer<StatusCode> {
    let change = Change {
        manager: &manager,
        caller: &caller,
        app: app.id,
        action: "delete_kv",
        key: &key,
        only_if,
    };
    change.write(None, Expiry::Never).await?;
    Ok(StatusCode::NO_CONTENT)
}
