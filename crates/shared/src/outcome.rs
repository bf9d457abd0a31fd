//! How one run of a script ended.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use crate::services::ServiceUse;

/// Everything that one run left behind.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The answer, or why there is none.
    pub result: Result<ScriptResponse, ScriptError>,
    /// What the script wrote to its log, in order.
    pub logs: Vec<LogLine>,
    /// What the run used.
    pub usage: Usage,
    /// What it used of each service that it called.
    pub services: Vec<ServiceUse>,
    /// How often it has committed before its end. What was committed stays, however it ended.
    pub commits: u32,
    /// Whether its [record](crate::seam::AtCommit::record) was written with its last commit.
    pub recorded: bool,
    /// How many keys it would have written, had its invocation [kept](crate::invocation::Invocation::keeps_writes) them.
    pub writes_discarded: usize,
    /// The path of the request as it may be kept, if a secret that the script has read stands in it.
    pub request_path: Option<String>,
    /// When the script, which failed, wishes that its event is tried again.
    pub retry: Option<RetryWish>,
}

/// What a script that fails wishes for the event that it ran for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryWish {
    /// To be tried no more.
    Never,
    /// To be tried again after this time.
    After(Duration),
}

impl Outcome {
    /// Of a run that failed with `error` and left nothing else.
    pub fn failed(error: ScriptError) -> Self {
        Self {
            result: Err(error),
            logs: Vec::new(),
            usage: Usage::default(),
            services: Vec::new(),
            commits: 0,
            recorded: false,
            writes_discarded: 0,
            request_path: None,
            retry: None,
        }
    }
}

/// The answer of a script, ready to be sent.
#[derive(Clone, Debug, Default)]
pub struct ScriptResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers, `content-type` included; never one that frames the message.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// What a run used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Steps of the script.
    pub operations: u64,
    /// Time from start to end, in microseconds.
    pub duration_us: u64,
    /// Time on the processor, in microseconds.
    pub cpu_us: u64,
    /// Most memory held at one time, in bytes.
    pub memory_bytes_peak: u64,
}

/// One line of a script's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// The text.
    pub message: String,
    /// When, in microseconds since the run began.
    pub offset_us: u64,
    /// The line of the source that wrote it; 0 if unknown.
    pub line: u32,
    /// The script in which that line is, if it is not the one that was run but one that it imports or calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Detail for the author.
    Debug,
    /// What happened.
    Info,
    /// Something to look at.
    Warn,
    /// Something failed.
    Error,
}

/// Why a run gave no answer of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptError {
    /// What went wrong.
    pub kind: ScriptErrorKind,
    /// One sentence for the author.
    pub message: String,
    /// The script in which the place is, if it is not the one that was run but one that it imports or calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// Line of the source, from 1.
    pub line: Option<u32>,
    /// Column in that line, in characters, from 1.
    pub column: Option<u32>,
    /// The lines around the place, with a caret under it.
    pub excerpt: Option<String>,
    /// The calls that led there, innermost first.
    pub trace: Vec<TraceFrame>,
}

impl ScriptError {
    /// One that is at no place of a script.
    pub fn nowhere(kind: ScriptErrorKind, message: String) -> Self {
        Self {
            kind,
            message,
            script: None,
            line: None,
            column: None,
            excerpt: None,
            trace: Vec::new(),
        }
    }
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScriptErrorKind {
    /// The source does not compile.
    Compile,
    /// An error at run time, or a `throw` that is not an answer.
    Runtime,
    /// More steps than [`operations_max`](crate::limits::Limits::operations_max).
    Operations,
    /// More processor time than [`cpu_ms_max`](crate::limits::Limits::cpu_ms_max).
    CpuTime,
    /// Longer than [`timeout_ms`](crate::limits::Limits::timeout_ms).
    Timeout,
    /// More memory than [`memory_bytes_max`](crate::limits::Limits::memory_bytes_max), or too many values.
    Memory,
    /// Calls or data nested too deep.
    Depth,
    /// A body larger than [`response_bytes_max`](crate::limits::Limits::response_bytes_max).
    ResponseSize,
    /// More calls of services than a run may make, or more read or written than a transaction may.
    Services,
    /// Scripts call each other, or have each other run for events, more than
    /// [`DEPTH_MAX`](crate::invocation::DEPTH_MAX) deep.
    LoopDetected,
    /// What the run has read changed meanwhile, however often it ran.
    Conflict,
    /// The database has no space left. Of the last transaction nothing was written.
    StorageFull,
    /// The app would have more than it may keep. Of the last transaction nothing was written.
    QuotaExceeded,
    /// The database does not answer. Of the last transaction nothing was written.
    StorageUnavailable,
    /// The connection to the database was lost while it committed: whether that has taken effect is not known.
    CommitUnknown,
    /// The app was deleted while the script ran.
    AppGone,
    /// The request was not signed as the webhook of its route wants it, or there is no key to look at that with: the
    /// script has not run.
    Webhook,
    /// The result cannot be sent, such as a status of 1000 or a header with a line break.
    Response,
    /// The client left, or the server is stopping.
    Cancelled,
    /// PiCloud's own fault.
    Internal,
}

impl ScriptErrorKind {
    /// Whether the run was ended because it took too long.
    pub fn is_timeout(self) -> bool {
        matches!(self, Self::CpuTime | Self::Timeout)
    }

    /// Whether the run was ended because it used too much of anything but time.
    pub fn is_limit(self) -> bool {
        matches!(
            self,
            Self::Operations
                | Self::Memory
                | Self::Depth
                | Self::ResponseSize
                | Self::Services
                | Self::LoopDetected
        )
    }
}

/// One call in a [`ScriptError::trace`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceFrame {
    /// The function that was called.
    pub function: String,
    /// The script in which the call is, if it is not the one that was run but one that it imports or calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// Line of the call, from 1; 0 if unknown.
    pub line: u32,
    /// Column of the call, from 1; 0 if unknown.
    pub column: u32,
}

/// A remark on a source that was not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// One sentence for the author.
    pub message: String,
    /// Line where it starts, from 1.
    pub line: u32,
    /// Column where it starts, in characters, from 1.
    pub column: u32,
    /// Line where it ends.
    pub end_line: u32,
    /// Column after its last character.
    pub end_column: u32,
}

/// How bad a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The source cannot be saved.
    Error,
    /// It can, but it may not do what its author means.
    Warning,
}
