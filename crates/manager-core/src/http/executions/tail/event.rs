//! What a stream is made of: events as HTML describes them (server-sent events).

use bytes::Bytes;
use picloud_shared::execution::Execution;
use serde::Serialize;
use serde_json::json;

use super::super::ExecutionBody;

/// How long a client should wait before it connects again.
const RETRY_MS: u32 = 2_000;

/// The beginning: it goes out at once, so that the client knows that it is connected.
pub(super) fn opening() -> Bytes {
    Bytes::from(format!("retry: {RETRY_MS}\n: connected\n\n"))
}

/// Nothing, so that nobody on the way takes the connection for dead.
pub(super) fn keep_alive() -> Bytes {
    Bytes::from_static(b":\n\n")
}

/// A run; its id is where the stream can be taken up again.
pub(super) fn run(execution: Execution) -> Bytes {
    let id = execution.id;
    Bytes::from(format!(
        "id: {id}\ndata: {}\n\n",
        line(&ExecutionBody::summary(execution))
    ))
}

/// So many runs are not in the stream; it is not known how many if that is none.
pub(super) fn skipped(runs: Option<u64>) -> Bytes {
    named("skipped", &json!({ "runs": runs }))
}

/// Why a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Whoever listens may not any more.
    Access,
    /// The server stops.
    Stopping,
}

/// The last event.
pub(super) fn end(end: End) -> Bytes {
    let reason = match end {
        End::Access => "access",
        End::Stopping => "stopping",
    };
    named("end", &json!({ "reason": reason }))
}

fn named(name: &str, data: &impl Serialize) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {}\n\n", line(data)))
}

/// JSON, which has no line breaks of its own.
fn line(data: &impl Serialize) -> String {
    serde_json::to_string(data).unwrap_or_default()
}
