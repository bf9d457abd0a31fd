//! One run of a script: from the request to its answer and its record.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Response, StatusCode, Uri, request::Parts, uri::PathAndQuery};
use picloud_shared::{
    execution::{Execution, ExecutionStatus, RequestSummary, UnrecordedRuns},
    invocation::{Invocation, ScriptRequest, Trigger},
    outcome::{Outcome, ScriptErrorKind, ScriptResponse},
    problem::Code,
    seam::ExecutorClient,
};

use super::{Caller, Dispatcher, Entry, RUNS_PER_THREAD_MAX, Refusal, ResponseBody, public::Routed};
use crate::{admission::Full, routing::LiveEntry};

/// Longest path in a record, in bytes.
const RECORDED_PATH_BYTES_MAX: usize = 2_048;

/// A script that is to run.
pub(super) struct Run {
    pub(super) invocation: Invocation,
    recorded: Recorded,
}

/// What a record needs of a request that was handed to the script.
struct Recorded {
    entry: Entry,
    trigger: Trigger,
    live: Arc<LiveEntry>,
    method: Method,
    host: Arc<str>,
    uri: Uri,
    body_bytes: usize,
    remote_addr: IpAddr,
}

impl Run {
    #[inline]
    pub(super) fn new(
        entry: Entry,
        trigger: Trigger,
        Routed { entry: live, params }: Routed,
        host: Arc<str>,
        Caller {
            address: remote_addr,
            scheme,
        }: Caller,
        parts: Parts,
    ) -> Box<Self> {
        let (method, uri, headers) = (parts.method, path_and_query(parts.uri), parts.headers);
        let script = Arc::clone(&live.script);
        let recorded = Recorded {
            entry,
            trigger,
            live,
            method: method.clone(),
            host: Arc::clone(&host),
            uri: uri.clone(),
            body_bytes: 0,
            remote_addr,
        };
        let body = Bytes::new();
        let request = ScriptRequest {
            method,
            uri,
            scheme,
            host,
            params,
            headers,
            body,
            remote_addr,
        };
        let invocation = Invocation {
            id: entry.id,
            script,
            trigger,
            request,
        };
        Box::new(Self { invocation, recorded })
    }

    pub(super) fn set_body(&mut self, body: Bytes) {
        self.recorded.body_bytes = body.len();
        self.invocation.request.body = body;
    }
}

impl<E: ExecutorClient> Dispatcher<E> {
    pub(super) async fn run(&self, run: Box<Run>) -> Result<Response<ResponseBody>, Refusal> {
        let _admitted = match run.recorded.live.gate.enter() {
            Some(running) => running,
            None => Box::pin(run.recorded.live.gate.wait()).await.map_err(full)?,
        };
        let Some(_running) = self.load.begin_run(RUNS_PER_THREAD_MAX) else {
            return Err(Refusal::new(
                Code::Overloaded,
                "Too many scripts are running. Try again in a moment.",
            ));
        };
        let outcome = self.executor.execute(run.invocation).await;
        self.finish(&run.recorded, outcome)
    }

    /// Records the run, and makes its outcome an answer.
    fn finish(&self, recorded: &Recorded, outcome: Outcome) -> Result<Response<ResponseBody>, Refusal> {
        let Outcome { result, logs, usage } = outcome;
        let (result, error) = match result {
            Ok(response) if response.status.is_informational() => {
                tracing::error!(execution.id = %recorded.entry.id, "a script answered with a status below 200");
                (Err(Code::ScriptFailed), None)
            }
            Ok(response) => {
                let script = &recorded.live.script;
                let run = UnrecordedRuns {
                    app_id: script.app_id,
                    script_id: script.script_id,
                    count: 1,
                    duration_us: usage.duration_us,
                };
                if !self.recorder.admits(run, recorded.entry.at) {
                    return Ok(answer(response));
                }
                (Ok(response), None)
            }
            Err(error) => {
                if error.kind == ScriptErrorKind::Internal {
                    tracing::error!(execution.id = %recorded.entry.id, error.message, "a run failed inside PiCloud");
                }
                (Err(code(error.kind)), Some(error))
            }
        };
        let status = result
            .as_ref()
            .map_or_else(|code| code.status(), |response| response.status);
        self.recorder.record(Execution {
            id: recorded.entry.id,
            app_id: recorded.live.script.app_id,
            script_id: recorded.live.script.script_id,
            script_name: recorded.live.script.name.as_str().to_owned(),
            version: recorded.live.script.version,
            trigger: recorded.trigger,
            status: ExecutionStatus::of(error.as_ref()),
            started_at: recorded.entry.at,
            usage,
            request: recorded.summary(),
            response_status: status.as_u16(),
            logs,
            error,
            node: self.recorder.node().to_owned(),
        });
        result.map(answer).map_err(failed)
    }
}

impl Recorded {
    fn summary(&self) -> RequestSummary {
        let path = self.uri.path();
        RequestSummary {
            method: self.method.to_string(),
            host: self.host.to_string(),
            path: path[..path.floor_char_boundary(RECORDED_PATH_BYTES_MAX)].to_owned(),
            body_bytes: self.body_bytes as u64,
            remote_addr: self.remote_addr.to_string(),
        }
    }
}

/// What a script sees as its address, however the client wrote the target.
fn path_and_query(uri: Uri) -> Uri {
    if uri.authority().is_none() {
        return uri;
    }
    let target = uri.into_parts().path_and_query;
    Uri::from(target.unwrap_or_else(|| PathAndQuery::from_static("/")))
}

fn answer(response: ScriptResponse) -> Response<ResponseBody> {
    let ScriptResponse {
        status,
        mut headers,
        body,
    } = response;
    drop_framing(&mut headers);
    let content = !matches!(
        status,
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
    );
    let mut response = Response::new(if content {
        ResponseBody::Whole(body)
    } else {
        ResponseBody::default()
    });
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Takes away what frames the message or manages the connection. The executor refuses such headers already; this
/// is the last place that can keep one answer from becoming two.
fn drop_framing(headers: &mut HeaderMap) {
    while let Some(name) = headers.keys().find(|name| frames(name)).cloned() {
        headers.remove(name);
    }
}

fn frames(name: &HeaderName) -> bool {
    let name = name.as_str();
    // Tells most names apart without comparing them.
    matches!(name.len(), 2 | 7 | 10 | 14 | 16 | 17)
        && matches!(
            name,
            "connection"
                | "content-length"
                | "keep-alive"
                | "proxy-connection"
                | "te"
                | "trailer"
                | "transfer-encoding"
                | "upgrade"
        )
}

fn code(kind: ScriptErrorKind) -> Code {
    match kind {
        kind if kind.is_timeout() => Code::ScriptTimeout,
        kind if kind.is_limit() => Code::ScriptLimitExceeded,
        ScriptErrorKind::Cancelled => Code::Overloaded,
        _ => Code::ScriptFailed,
    }
}

/// What the public is told of a run that found no place.
fn full(full: Full) -> Refusal {
    let detail = match full {
        Full::Queue => {
            "As many scripts of this app run as may at one time, and as many requests wait. Try again in a moment."
        }
        Full::Waited => {
            "As many scripts of this app run as may at one time, and none ended in time. Try again in a moment."
        }
    };
    Refusal::new(Code::TooManyRequests, detail)
}

/// What the public is told of a run that failed: nothing of the script.
fn failed(code: Code) -> Refusal {
    let detail = match code {
        Code::ScriptTimeout => {
            "The script took longer than it may. Whoever runs it finds this request by its id."
        }
        Code::ScriptLimitExceeded => {
            "The script used more than it may. Whoever runs it finds this request by its id."
        }
        Code::Overloaded => "The server is stopping. Try again in a moment.",
        _ => "The script failed. Whoever runs it finds this request, and why it failed, by its id.",
    };
    Refusal::new(code, detail)
}
