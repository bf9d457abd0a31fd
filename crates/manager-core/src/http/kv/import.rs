//! `POST /api/v1/admin/apps/{app}/kv:import`.

mod lines;

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use picloud_shared::{
    audit::{Recorded, Target},
    id::AppId,
    services::{BYTES_PER_COMMIT_MAX, KvValue, WRITES_PER_COMMIT_MAX, Write},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::commit;
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, QueryParams, TextBody},
        file::{self, FileQuery},
        import::{Import, Steps},
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
    let import = Import {
        manager: &manager,
        caller: &caller,
        app: app.id,
        action: "import_kv",
        target: Target {
            kind: "app".to_owned(),
            id: Some(app.id.to_string()),
            name: Some(app.slug.to_string()),
        },
    };
    let keys = Keys {
        manager: &manager,
        caller: &caller,
        app: app.id,
    };
    let written = import.run(&keys, batches(file.writes)).await?;
    Ok(Json(ImportedBody {
        written,
        skipped: file.skipped,
    }))
}

/// Where keys are imported.
struct Keys<'k> {
    manager: &'k Manager,
    caller: &'k Caller,
    app: AppId,
}

impl Steps for Keys<'_> {
    type Row = Write;
    const WHAT: &'static str = "keys";

    async fn write(&self, writes: Vec<Write>, audit: Option<Box<Recorded>>) -> Answer<()> {
        commit(self.manager, self.caller, self.app, writes, audit).await
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
