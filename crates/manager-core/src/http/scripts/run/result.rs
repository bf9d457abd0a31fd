//! The result of a test run. Its log lines and errors look the same in execution records.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderMap;
use picloud_shared::outcome::{
    Diagnostic, LogLevel, LogLine, Outcome, ScriptError, ScriptErrorKind, ScriptResponse,
};
use picloud_shared::services::{Service, ServiceUse};
use serde::Serialize;
use utoipa::ToSchema;

/// What a test run did.
#[derive(Serialize, ToSchema)]
#[schema(as = TestRun)]
pub(crate) struct TestRunBody {
    /// What the script answered; null if it failed.
    #[schema(required)]
    response: Option<TestResponse>,
    logs: Vec<LogLineBody>,
    /// Why it failed; null if it did not.
    #[schema(required)]
    error: Option<ScriptErrorBody>,
    /// Steps of the script.
    operations: u64,
    /// Time from start to end.
    duration_us: u64,
    /// Time on the processor.
    cpu_us: u64,
    /// Most memory held at one time.
    memory_bytes_peak: u64,
    /// What it used of each service that it called.
    services: Vec<ServiceUseBody>,
    /// Keys that it would have written: a test run changes nothing unless `keep_writes` is set.
    writes_discarded: usize,
}

/// What a script answered.
#[derive(Serialize, ToSchema)]
struct TestResponse {
    status: u16,
    /// By name in lower case. The values of a header that stands several times are lines.
    headers: BTreeMap<String, String>,
    /// The body, if it is a text.
    #[schema(required)]
    body: Option<String>,
    /// The body in Base64, if it is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

/// What was used of one service.
#[derive(Serialize, ToSchema)]
#[schema(as = ServiceUse)]
pub(crate) struct ServiceUseBody {
    /// Such as `kv`, or `transaction` for its commits.
    #[schema(value_type = String, example = "kv")]
    service: Service,
    /// How often it was called.
    calls: u64,
    /// Bytes of values that the script got.
    bytes_read: u64,
    /// Bytes of keys and values that the script gave.
    bytes_written: u64,
    /// Time in which runs waited for it, in microseconds.
    duration_us: u64,
}

impl ServiceUseBody {
    pub(crate) fn all(uses: Vec<ServiceUse>) -> Vec<Self> {
        let body = |used: ServiceUse| Self {
            service: used.service,
            calls: used.calls,
            bytes_read: used.bytes_read,
            bytes_written: used.bytes_written,
            duration_us: used.duration_us,
        };
        uses.into_iter().map(body).collect()
    }
}

/// One line of a script's log.
#[derive(Serialize, ToSchema)]
#[schema(as = LogLine)]
pub(crate) struct LogLineBody {
    /// `debug`, `info`, `warn` or `error`.
    #[schema(value_type = String, example = "info")]
    level: LogLevel,
    message: String,
    /// Microseconds since the run began.
    offset_us: u64,
    /// The line of the source that wrote it; 0 if unknown.
    line: u32,
    /// The script in which that line is, if it is one that is imported or called.
    #[serde(skip_serializing_if = "Option::is_none")]
    script: Option<String>,
}

/// Why a script gave no answer of its own.
#[derive(Serialize, ToSchema)]
#[schema(as = ScriptError)]
pub(crate) struct ScriptErrorBody {
    /// `compile`, `runtime`, `operations`, `cpu_time`, `timeout`, `memory`, `depth`, `response_size`, `services`,
    /// `loop_detected`, `conflict`, `storage_full`, `quota_exceeded`, `storage_unavailable`, `commit_unknown`, `app_gone`,
    /// `webhook`, `response`, `cancelled` or `internal`.
    #[schema(value_type = String, example = "runtime")]
    kind: ScriptErrorKind,
    message: String,
    /// The script in which the place is, if it is one that is imported or called.
    #[serde(skip_serializing_if = "Option::is_none")]
    script: Option<String>,
    /// From 1.
    #[schema(required)]
    line: Option<u32>,
    /// In characters, from 1.
    #[schema(required)]
    column: Option<u32>,
    /// The lines around the place, with a caret under it.
    #[schema(required)]
    excerpt: Option<String>,
    /// The calls that led there, innermost first.
    trace: Vec<TraceFrameBody>,
}

/// One call on the way to an error.
#[derive(Serialize, ToSchema)]
#[schema(as = TraceFrame)]
struct TraceFrameBody {
    function: String,
    /// The script in which the call is, if it is one that is imported or called.
    #[serde(skip_serializing_if = "Option::is_none")]
    script: Option<String>,
    /// Line of the call, from 1; 0 if unknown.
    line: u32,
    /// Column of the call, from 1; 0 if unknown.
    column: u32,
}

impl TestRunBody {
    /// Of a script that cannot begin, because of what it imports.
    pub(super) fn not_linked(fault: &Diagnostic) -> Self {
        Self {
            response: None,
            logs: Vec::new(),
            error: Some(ScriptErrorBody {
                kind: ScriptErrorKind::Compile,
                message: fault.message.clone(),
                script: None,
                line: Some(fault.line),
                column: Some(fault.column),
                excerpt: None,
                trace: Vec::new(),
            }),
            operations: 0,
            duration_us: 0,
            cpu_us: 0,
            memory_bytes_peak: 0,
            services: Vec::new(),
            writes_discarded: 0,
        }
    }
}

impl From<Outcome> for TestRunBody {
    fn from(outcome: Outcome) -> Self {
        let (response, error) = match outcome.result {
            Ok(response) => (Some(response.into()), None),
            Err(error) => (None, Some(error.into())),
        };
        Self {
            response,
            logs: outcome.logs.into_iter().map(LogLineBody::from).collect(),
            error,
            operations: outcome.usage.operations,
            duration_us: outcome.usage.duration_us,
            cpu_us: outcome.usage.cpu_us,
            memory_bytes_peak: outcome.usage.memory_bytes_peak,
            services: ServiceUseBody::all(outcome.services),
            writes_discarded: outcome.writes_discarded,
        }
    }
}

impl From<ScriptResponse> for TestResponse {
    fn from(response: ScriptResponse) -> Self {
        let (body, body_base64) = match std::str::from_utf8(&response.body) {
            Ok(text) => (Some(text.to_owned()), None),
            Err(_) => (None, Some(STANDARD.encode(&response.body))),
        };
        Self {
            status: response.status.as_u16(),
            headers: by_name(&response.headers),
            body,
            body_base64,
        }
    }
}

fn by_name(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut by_name: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        by_name
            .entry(name.as_str().to_owned())
            .and_modify(|values| {
                values.push('\n');
                values.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    by_name
}

impl From<LogLine> for LogLineBody {
    fn from(line: LogLine) -> Self {
        Self {
            level: line.level,
            message: line.message,
            offset_us: line.offset_us,
            line: line.line,
            script: line.script,
        }
    }
}

impl From<ScriptError> for ScriptErrorBody {
    fn from(error: ScriptError) -> Self {
        let frame = |frame: picloud_shared::outcome::TraceFrame| TraceFrameBody {
            function: frame.function,
            script: frame.script,
            line: frame.line,
            column: frame.column,
        };
        Self {
            kind: error.kind,
            message: error.message,
            script: error.script,
            line: error.line,
            column: error.column,
            excerpt: error.excerpt,
            trace: error.trace.into_iter().map(frame).collect(),
        }
    }
}
