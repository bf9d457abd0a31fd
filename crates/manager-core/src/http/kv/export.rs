//! `GET /api/v1/admin/apps/{app}/kv:export`.

use axum::{extract::State, response::Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use picloud_shared::{
    id::AppId,
    services::{KvItem, KvValue, LIST_ENTRIES_MAX},
    time::Timestamp,
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::page;
use crate::{
    Manager,
    http::{
        export::{self, Source},
        extract::{AppPath, QueryParams},
        file::FileQuery,
        problem::{Answer, problems},
    },
};

/// The first line of a CSV file.
pub(super) const COLUMNS: [&str; 4] = ["key", "type", "value", "expires_at"];

problems!(ExportKvProblems: NotFound);

/// One line of a JSON file.
#[derive(Serialize)]
struct Line<'a> {
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blob_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

/// Export all keys
///
/// In the order of their keys, with their values, as a file that `kv:import` takes. It is read page by page: what
/// changes meanwhile is in it as it was when its page was read. In JSON each line is `{"key", "value" or "blob_base64",
/// "expires_at"}`; in CSV the columns are `key`, `type`, `value` (JSON, or Base64 of a `blob`) and `expires_at`.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/kv:export",
    tag = "kv",
    params(FileQuery),
    responses(
        (
            status = 200,
            description = "The file",
            content((String = "application/x-ndjson"), (String = "text/csv")),
        ),
        ExportKvProblems,
    ),
)]
pub(crate) async fn export_kv(
    State(manager): State<Manager>,
    AppPath { app, .. }: AppPath,
    QueryParams(query): QueryParams<FileQuery>,
) -> Answer<Response> {
    let name = format!("{}-kv", app.slug);
    let keys = Keys { manager, app: app.id };
    export::send(keys, query.format, &name).await
}

/// The keys of an app.
struct Keys {
    manager: Manager,
    app: AppId,
}

impl Source for Keys {
    type Item = KvItem;
    type Place = String;

    async fn page(&self, after: Option<String>) -> Answer<(Vec<KvItem>, Option<String>)> {
        let (items, more) = page(&self.manager, self.app, "", after, LIST_ENTRIES_MAX).await?;
        let last = items.last().filter(|_| more).map(|item| item.key.clone());
        Ok((items, last))
    }

    fn line(&self, KvItem { key, entry }: &KvItem) -> serde_json::Result<String> {
        let (value, blob_base64) = match &entry.value {
            KvValue::Json(text) => (Some(serde_json::from_str(text)?), None),
            KvValue::Blob(bytes) => (None, Some(STANDARD.encode(bytes))),
        };
        serde_json::to_string(&Line {
            key,
            value,
            blob_base64,
            expires_at: entry.expires_at.map(Timestamp::from_micros),
        })
    }

    fn headings(&self) -> Vec<&str> {
        COLUMNS.to_vec()
    }

    fn row(&self, KvItem { key, entry }: &KvItem) -> serde_json::Result<Vec<String>> {
        let (kind, value) = match &entry.value {
            KvValue::Json(text) => ("json", text.clone()),
            KvValue::Blob(bytes) => ("blob", STANDARD.encode(bytes)),
        };
        let expires_at = entry.expires_at.map(Timestamp::from_micros);
        let expires_at = expires_at.map(|at| at.to_string()).unwrap_or_default();
        Ok(vec![key.clone(), kind.to_owned(), value, expires_at])
    }
}
