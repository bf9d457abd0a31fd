//! `GET /api/v1/admin/apps/{app}/kv:export`.

use std::io;

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::stream;
use http::header;
use picloud_shared::{
    id::AppId,
    services::{KvItem, KvValue, LIST_ENTRIES_MAX},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::page;
use crate::{
    Manager,
    http::{
        extract::{AppPath, QueryParams},
        problem::{Answer, Refusal, internal, problems},
    },
};

/// The first line of a CSV file.
pub(super) const COLUMNS: [&str; 4] = ["key", "type", "value", "expires_at"];

problems!(ExportKvProblems: NotFound);

/// How a file is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// One JSON object per line.
    #[default]
    Json,
    /// Comma-separated values, with a line of headings.
    Csv,
}

/// How the file is to be.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportKvQuery {
    /// `json`, one object per line, or `csv`.
    #[serde(default)]
    #[param(inline, default = "json")]
    pub(super) format: Format,
}

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
    params(ExportKvQuery),
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
    QueryParams(query): QueryParams<ExportKvQuery>,
) -> Answer<Response> {
    let (media_type, ending) = match query.format {
        Format::Json => ("application/x-ndjson", "ndjson"),
        Format::Csv => ("text/csv; charset=utf-8", "csv"),
    };
    let name = format!("attachment; filename=\"{}-kv.{ending}\"", app.slug);
    let export = Export {
        manager,
        app: app.id,
        format: query.format,
        after: None,
        more: true,
    };
    // The first page is read before the answer begins, so that what fails at once has a status.
    let (first, export) = export.next(true).await?;
    let rest = stream::try_unfold(export, |export| async move {
        if !export.more {
            return Ok(None);
        }
        let next = export.next(false).await;
        next.map(Some)
            .map_err(|_| io::Error::other("the rest of the keys could not be read"))
    });
    let pages = stream::once(async { Ok::<_, io::Error>(first) });
    let body = Body::from_stream(futures_util::StreamExt::chain(pages, rest));
    let headers = [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, body).into_response())
}

/// An export on its way.
struct Export {
    manager: Manager,
    app: AppId,
    format: Format,
    after: Option<String>,
    more: bool,
}

impl Export {
    /// The next part of the file.
    async fn next(mut self, is_first: bool) -> Answer<(Bytes, Self)> {
        let after = self.after.take();
        let (items, more) = page(&self.manager, self.app, "", after, LIST_ENTRIES_MAX).await?;
        self.more = more;
        self.after = items.last().map(|item| item.key.clone());
        let text = match self.format {
            Format::Json => json_lines(&items),
            Format::Csv => csv_lines(&items, is_first),
        };
        let text = text.map_err(|error| broken(&*error))?;
        Ok((text.into(), self))
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

fn broken(error: &dyn std::error::Error) -> Refusal {
    tracing::error!(%error, "a key could not be exported");
    internal()
}
