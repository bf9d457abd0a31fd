//! Execution records: what is kept of a run.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    calls::AppUse,
    durations::Durations,
    id::{AppId, DeliveryId, ExecutionId, ScriptId},
    invocation::{ScriptRequest, Trigger},
    outcome::{LogLine, ScriptError, ScriptErrorKind, Usage},
    services::ServiceUse,
    time::Timestamp,
};

/// Longest path in a record, in bytes.
pub const RECORDED_PATH_BYTES_MAX: usize = 2_048;

/// What is kept of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// Names the run; the `x-request-id` of its answer.
    pub id: ExecutionId,
    /// Whose script ran.
    pub app_id: AppId,
    /// Which script.
    pub script_id: ScriptId,
    /// Its name at that time.
    pub script_name: String,
    /// Which version; 0 for a source that was never saved.
    pub version: u32,
    /// Why it ran.
    pub trigger: Trigger,
    /// How it ended.
    pub status: ExecutionStatus,
    /// When it began.
    #[serde(with = "crate::time::micros")]
    pub started_at: Timestamp,
    /// What it used; up to its commit, if its record was written with that.
    pub usage: Usage,
    /// What it used of each service that it called.
    pub services: Vec<ServiceUse>,
    /// The request in short.
    pub request: RequestSummary,
    /// The status that was sent; 0 if there was nobody to send one to, or the server ended before it did.
    pub response_status: u16,
    /// What the script wrote.
    pub logs: Vec<LogLine>,
    /// Why it failed.
    pub error: Option<ScriptError>,
    /// The node that ran it.
    pub node: String,
    /// The delivery that it was a run of, if it was one; the first, if it was a run for several.
    pub delivery: Option<DeliveryRun>,
}

/// Which run of which delivery it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRun {
    /// The delivery.
    pub id: DeliveryId,
    /// The number of the run, from 1; runs that PiCloud did not bring to an end have that of the next one.
    pub attempt: u32,
    /// What began the chain: see [`Lineage`](crate::events::Lineage).
    pub root: Uuid,
    /// For how many deliveries it was.
    #[serde(default = "one")]
    pub events: u32,
}

fn one() -> u32 {
    1
}

impl Execution {
    /// All that a search looks at, one piece per line, [`folded`].
    pub fn search_text(&self) -> String {
        let pieces: Vec<&str> = [self.request.path.as_str(), self.script_name.as_str()]
            .into_iter()
            .chain(self.error.iter().map(|error| error.message.as_str()))
            .chain(self.logs.iter().map(|line| line.message.as_str()))
            .collect();
        folded(&pieces.join("\n"))
    }
}

/// What texts are compared in: lower case, character by character, so that it does not depend on what stands beside a
/// character.
pub fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionStatus {
    /// With an answer, whatever its HTTP status.
    Success,
    /// With an error of the script.
    Error,
    /// Out of time.
    Timeout,
    /// Out of something else.
    LimitExceeded,
    /// Given up before its end: its client left, or the server stopped.
    Cancelled,
}

impl ExecutionStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [
        Self::Success,
        Self::Error,
        Self::Timeout,
        Self::LimitExceeded,
        Self::Cancelled,
    ];

    /// The word for it in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::LimitExceeded => "limit_exceeded",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status of a run with this error, or with none.
    pub fn of(error: Option<&ScriptError>) -> Self {
        match error {
            None => Self::Success,
            Some(error) if error.kind.is_timeout() => Self::Timeout,
            Some(error) if error.kind.is_limit() => Self::LimitExceeded,
            Some(error) if error.kind == ScriptErrorKind::Cancelled => Self::Cancelled,
            Some(_) => Self::Error,
        }
    }
}

/// A request in short: no headers, no body, nothing that may be secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestSummary {
    /// The method.
    pub method: String,
    /// The host.
    pub host: String,
    /// The path, without query, cut at [`RECORDED_PATH_BYTES_MAX`].
    pub path: String,
    /// Size of the body in bytes.
    pub body_bytes: u64,
    /// The client's address.
    pub remote_addr: String,
}

impl RequestSummary {
    /// Of `request`, with `path` in place of its own if there is one.
    pub fn of(request: &ScriptRequest, path: Option<&str>) -> Self {
        let path = path.unwrap_or_else(|| request.uri.path());
        Self {
            method: request.method.to_string(),
            host: request.host.to_string(),
            path: path[..path.floor_char_boundary(RECORDED_PATH_BYTES_MAX)].to_owned(),
            body_bytes: request.body.len() as u64,
            remote_addr: request.remote_addr.to_string(),
        }
    }
}

/// Successful runs that were counted but not recorded one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnrecordedRuns {
    /// Whose script ran.
    pub app_id: AppId,
    /// Which script.
    pub script_id: ScriptId,
    /// How many, and how long they took.
    pub durations: Durations,
}

/// A run whose record was written in the transaction of its commit.
#[derive(Clone, Debug, PartialEq)]
pub struct CommittedRun {
    /// The record, as it is kept.
    pub record: Execution,
    /// How long the run took with its commit.
    pub duration_us: u64,
}

/// Runs that are written down together.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunBatch<'b> {
    /// Records to be written, each of a run that counts with it.
    pub records: &'b [Execution],
    /// Runs that have their records already: these only count.
    pub committed: &'b [CommittedRun],
    /// Runs without records.
    pub unrecorded: &'b [UnrecordedRuns],
    /// What apps used of the services; it counts on the day of the batch.
    pub used: &'b [AppUse],
}

impl<'b> RunBatch<'b> {
    /// Only records.
    pub fn of_records(records: &'b [Execution]) -> Self {
        Self {
            records,
            ..Self::default()
        }
    }

    /// Only runs without records.
    pub fn of_unrecorded(unrecorded: &'b [UnrecordedRuns]) -> Self {
        Self {
            unrecorded,
            ..Self::default()
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
            && self.committed.is_empty()
            && self.unrecorded.is_empty()
            && self.used.is_empty()
    }
}

/// Which records are wanted; each part that is set must fit.
#[derive(Clone, Debug, Default)]
pub struct ExecutionFilter {
    /// Of this script.
    pub script: Option<ScriptId>,
    /// That ended like this.
    pub status: Option<ExecutionStatus>,
    /// That ran for this reason.
    pub trigger: Option<Trigger>,
    /// With this text in path, script name, error or logs, in any case.
    pub text: Option<String>,
    /// That began at or after this moment.
    pub since: Option<Timestamp>,
    /// That began before this moment.
    pub until: Option<Timestamp>,
    /// That were runs of this delivery.
    pub delivery: Option<DeliveryId>,
    /// That were runs of deliveries in the chain that this began, or that run itself.
    pub root: Option<Uuid>,
}

impl ExecutionFilter {
    /// Whether a record is wanted.
    pub fn lets_through(&self, record: &Execution) -> bool {
        let fits = |text: &String| record.search_text().contains(&folded(text));
        self.script.is_none_or(|script| script == record.script_id)
            && self.status.is_none_or(|status| status == record.status)
            && self.trigger.is_none_or(|trigger| trigger == record.trigger)
            && self.since.is_none_or(|since| since <= record.started_at)
            && self.until.is_none_or(|until| record.started_at < until)
            && self
                .delivery
                .is_none_or(|delivery| record.delivery.is_some_and(|run| run.id == delivery))
            && self
                .root
                .is_none_or(|root| record.id.0 == root || record.delivery.is_some_and(|run| run.root == root))
            && self.text.as_ref().is_none_or(fits)
    }
}

/// How much is kept. A record beyond any of these bounds is deleted, the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// No older than this many days.
    pub age_days_max: u32,
    /// No more than this many records per app.
    pub records_per_app_max: u64,
    /// No more than this many bytes of logs and errors per app.
    pub bytes_per_app_max: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            age_days_max: 14,
            records_per_app_max: 100_000,
            bytes_per_app_max: 256 * 1_024 * 1_024,
        }
    }
}

impl Retention {
    /// How old a record may be.
    pub fn age_max(self) -> Duration {
        Duration::from_hours(24) * self.age_days_max
    }
}
