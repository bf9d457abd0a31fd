//! `GET /api/v1/admin/apps/{app}/kv:export`.

use axum::{extract::State, response::Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
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
        extract::{AppPath, QueryParams},
        file::{self, FileQuery, Format},
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
    let export = Export {
        manager,
        app: app.id,
        format: query.format,
        after: None,
        is_first: true,
    };
    file::send(export, query.format, &name).await
}

/// An export on its way.
struct Export {
    manager: Manager,
    app: AppId,
    format: Format,
    after: Option<String>,
    is_first: bool,
}

impl file::Export for Export {
    async fn next(mut self) -> Answer<(Bytes, Option<Self>)> {
        let after = self.after.take();
        let (items, more) = page(&self.manager, self.app, "", after, LIST_ENTRIES_MAX).await?;
        self.after = items.last().map(|item| item.key.clone());
        let text = match self.format {
            Format::Json => json_lines(&items),
            Format::Csv => csv_lines(&items, self.is_first),
        };
        self.is_first = false;
        let text = text.map_err(|error| file::broken(&*error))?;
        Ok((text.into(), more.then_some(self)))
    }
}

fn json_lines(items: &[KvItem]) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut text = Vec::new();
    for KvItem { key, entry } in items {
        let (value, blob_base64) = match &entry.value {
            KvValue::Json(text) => (Some(serde_json::from_str(text)?), None),
            KvValue::Blob(bytes) => (None, Some(STANDARD.encode(bytes))),
        };
        let line = Line {
            key,
            value,
            blob_base64,
            expires_at: entry.expires_at.map(Timestamp::from_micros),
        };
        serde_json::to_writer(&mut text, &line)?;
        text.push(b'\n');
    }
    Ok(text)
}

fn csv_lines(items: &[KvItem], with_headings: bool) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    if with_headings {
        writer.write_record(COLUMNS)?;
    }
    for KvItem { key, entry } in items {
        let (kind, value) = match &entry.value {
            KvValue::Json(text) => ("json", text.clone()),
            KvValue::Blob(bytes) => ("blob", STANDARD.encode(bytes)),
        };
        let expires_at = entry.expires_at.map(Timestamp::from_micros);
        let expires_at = expires_at.map(|at| at.to_string()).unwrap_or_default();
        writer.write_record([key, kind, &value, &expires_at])?;
    }
    Ok(writer.into_inner()?)
}
