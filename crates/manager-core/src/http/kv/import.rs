//! `POST /api/v1/admin/apps/{app}/kv:import`.

mod lines;

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use picloud_shared::{
    audit::{DataChange, Target},
    services::{BYTES_PER_COMMIT_MAX, KvValue, WRITES_PER_COMMIT_MAX, Write},
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::commit;
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, QueryParams, TextBody},
        file::{self, FileQuery, after},
        problem::{Answer, problems},
    },
};

problems!(
    ImportKvProblems: NotFound, ValidationFailed, BodyTooLarge, Conflict, QuotaExceeded, CommitUnknown,
    TooManyRequests, LoopDetected
);

/// What became of a file.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportedKv)]
pub(crate) struct ImportedBody {
    /// How many keys were written.
    written: usize,
    /// How many were left out, because they have expired, or stand once more further down.
    skipped: usize,
}

/// Import keys
///
/// From a file as `kv:export` writes it, of at most 4 MiB. All of it is checked before anything is written; then it is
/// written in steps of 1,000 keys, each of them whole. Keys that are not in the file stay as they are.
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/{app}/kv:import",
    tag = "kv",
    params(FileQuery),
    request_body(content((String = "application/x-ndjson"), (String = "text/csv"))),
    responses((status = 200, description = "Imported", body = ImportedBody), ImportKvProblems),
)]
pub(crate) async fn import_kv(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    QueryParams(query): QueryParams<FileQuery>,
    TextBody(body): TextBody,
) -> Answer<Json<ImportedBody>> {
    let now = manager.now();
    let file = file::aside(move || lines::read(&body, query.format, now)).await?;
    let change = caller.change(&manager, None);
    manager.repository().confirm_data_change(app.id, &change).await?;

    let mut written = 0;
    let mut failed = None;
    for batch in batches(file.writes) {
        let count = batch.len();
        match commit(&manager, &caller, app.id, batch).await {
            Ok(()) => written += count,
            Err(refusal) => {
                failed = Some(refusal);
                break;
            }
        }
    }
    if written > 0 || failed.is_none() {
        let done = DataChange {
            action: "import_kv",
            target: Target {
                kind: "app".to_owned(),
                id: Some(app.id.to_string()),
                name: Some(app.slug.to_string()),
            },
            before: None,
            after: Some(json!({ "keys_written": written })),
        };
        manager
            .repository()
            .record_data_change(app.id, &done, &change)
            .await?;
    }
    match failed {
        None => Ok(Json(ImportedBody {
            written,
            skipped: file.skipped,
        })),
        Some(refusal) => Err(after(written, "keys", refusal)),
    }
}

/// Parts of the file, each for one commit.
fn batches(writes: BTreeMap<String, Write>) -> Vec<Vec<Write>> {
    let mut batches = Vec::new();
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for write in writes.into_values() {
        let size = write.key.len() + write.value.as_ref().map_or(0, KvValue::bytes);
        if batch.len() == WRITES_PER_COMMIT_MAX || bytes + size > BYTES_PER_COMMIT_MAX {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
        }
        bytes += size;
        batch.push(write);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}
