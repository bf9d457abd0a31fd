//! `/api/v1/admin/scripts`, and checking and trying scripts within an app.

pub(crate) mod check;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
mod limits;
pub(crate) mod list;
pub(crate) mod resume;
pub(crate) mod rollback;
pub(crate) mod run;
mod save;
mod source;
pub(crate) mod update;
pub(crate) mod versions;

use axum::{Json, response::IntoResponse};
use http::header;
use picloud_shared::{
    problem::{Code, Problem},
    repository::WriteScriptError,
    script::{Script, ScriptName},
    strikes::Strikes,
    time::Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) use self::{
    limits::{LimitsBody, SetLimits},
    source::{live_scripts, require_all_valid},
};
use super::problem::{Refusal, not_found, problem, sentence};

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
    /// How often the server ended because of the live version, within a day of each other.
    strikes: u32,
    /// Why requests to it are refused; null if they are not.
    #[schema(required)]
    suspended: Option<SuspensionBody>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// A script that is not run until somebody saves a new version or resumes it.
#[derive(Serialize, ToSchema)]
#[schema(as = Suspension)]
struct SuspensionBody {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// A sentence for people.
    reason: String,
    /// The last run that the server ended in. Its record tells more, as long as it is kept.
    execution_id: Uuid,
}

impl SuspensionBody {
    fn of(strikes: Strikes) -> Option<Self> {
        Some(Self {
            at: strikes.suspended_at?,
            reason: format!("The server ended {} times while this version ran.", strikes.count),
            execution_id: strikes.execution_id.0,
        })
    }
}

impl ScriptBody {
    /// The script as it is at `now`.
    pub(crate) fn at(now: Timestamp) -> impl Fn(Script) -> Self {
        move |script| Self::new(script, now)
    }

    fn new(script: Script, now: Timestamp) -> Self {
        Self {
            id: script.id.0,
            app_id: script.app_id.0,
            name: script.name.as_str().to_owned(),
            description: script.description,
            version: script.version,
            source: script.source.as_ref().to_owned(),
            limits: script.limits.into(),
            strikes: script.strikes.map_or(0, |strikes| strikes.count_at(now)),
            suspended: script.strikes.and_then(SuspensionBody::of),
            created_at: script.created_at,
            updated_at: script.updated_at,
        }
    }
}

/// The script, with its version as `ETag` for a later `If-Match`.
fn with_etag(script: Script, now: Timestamp) -> impl IntoResponse {
    let etag = format!("\"{}\"", script.version);
    ([(header::ETAG, etag)], Json(ScriptBody::new(script, now)))
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
        WriteScriptError::VersionMismatch { live } => version_mismatch(live),
        WriteScriptError::Imported(importers) => imported(&importers),
        WriteScriptError::Imports(fault) => problem(Code::ScriptInvalid, sentence(&fault)),
        WriteScriptError::Outdated => problem(
            Code::Conflict,
            "Scripts that this one imports, or that import it, were saved at the same time, again and again. Try again \
             in a moment. Nothing was changed.",
        ),
        WriteScriptError::NoApp => not_found("app"),
        WriteScriptError::Store(error) => error.into(),
    }
}

/// What stands against taking away a script, or its name, that `importers` import.
fn imported(importers: &[ScriptName]) -> Refusal {
    let detail = "Other scripts import this one, by its name. Change the scripts in `scripts` first, or all at once with a \
                  bundle.";
    let importers: Vec<_> = importers.iter().map(ScriptName::as_str).collect();
    Problem::new(Code::ScriptInUse, detail)
        .with("scripts", importers)
        .into()
}

fn version_mismatch(live: u32) -> Refusal {
    let detail = format!("Version {live} is live now, not the one you expect. Get it, and change that.");
    Problem::new(Code::VersionMismatch, detail)
        .with("live", live)
        .into()
}
