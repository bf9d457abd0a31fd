//! `/api/v1/admin/scripts`, and checking and trying scripts within an app.

pub(crate) mod check;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
mod limits;
pub(crate) mod list;
pub(crate) mod rollback;
pub(crate) mod run;
mod source;
pub(crate) mod update;
pub(crate) mod versions;

use axum::{Json, response::IntoResponse};
use http::header;
use picloud_shared::{
    problem::{Code, Problem},
    repository::WriteScriptError,
    script::Script,
    time::Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) use self::limits::LimitsBody;
use super::problem::{Refusal, not_found, problem};

/// A script with its live version.
#[derive(Serialize, ToSchema)]
#[schema(as = Script)]
pub(crate) struct ScriptBody {
    id: Uuid,
    app_id: Uuid,
    /// Unique in its app.
    name: String,
    description: String,
    /// The number of the live version.
    version: u32,
    /// The source of the live version.
    source: String,
    limits: LimitsBody,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<Script> for ScriptBody {
    fn from(script: Script) -> Self {
        Self {
            id: script.id.0,
            app_id: script.app_id.0,
            name: script.name.as_str().to_owned(),
            description: script.description,
            version: script.version,
            source: script.source.as_ref().to_owned(),
            limits: script.limits.into(),
            created_at: script.created_at,
            updated_at: script.updated_at,
        }
    }
}

/// The script, with its version as `ETag` for a later `If-Match`.
fn with_etag(script: Script) -> impl IntoResponse {
    let etag = format!("\"{}\"", script.version);
    ([(header::ETAG, etag)], Json(ScriptBody::from(script)))
}

fn write_refusal(error: WriteScriptError, name: Option<&str>) -> Refusal {
    match error {
        WriteScriptError::NameTaken => problem(
            Code::ScriptNameTaken,
            format!(
                "Another script of the app is called `{}`; choose another name.",
                name.unwrap_or_default()
            ),
        ),
        WriteScriptError::VersionMismatch { live } => {
            let detail =
                format!("Version {live} is live now, not the one you expect. Get it, and change that.");
            Problem::new(Code::VersionMismatch, detail)
                .with("live", live)
                .into()
        }
        WriteScriptError::NoApp => not_found("app"),
        WriteScriptError::Store(error) => error.into(),
    }
}
