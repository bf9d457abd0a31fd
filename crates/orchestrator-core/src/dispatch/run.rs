//! One run of a script: from the request to its answer and its record.

use std::{mem, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Response, StatusCode, Uri, request::Parts, uri::PathAndQuery};
use picloud_shared::{
    execution::CommittedRun,
    invocation::{Invocation, ScriptRequest, Trigger},
    memory::Pressure,
    outcome::{Outcome, ScriptError, ScriptErrorKind, ScriptResponse, Usage},
    problem::Code,
    seam::{AtCommit, ExecutorClient},
    webhook::ReceivedWebhook,
};

use super::{
    Caller, Dispatcher, Entry, RUNS_PER_THREAD_MAX, Refusal, ResponseBody, credentials,
    public::Routed,
    record::{Carried, Ended, Fate},
};
use crate::{admission::Full, routing::LiveEntry};

/// A body of a response that is at least so large counts as memory until it is sent.
const KEPT_BYTES_MIN: usize = 16 * 1_024;

/// A script that is to run, and what its record needs.
pub(super) struct Run {
    pub(super) entry: Entry,
    pub(super) trigger: Trigger,
    depth: u8,
    pub(super) live: Arc<LiveEntry>,
    pub(super) request: Arc<ScriptRequest>,
    pub(super) node: Arc<str>,
    /// What its commit was to carry.
    pub(super) carried: Carried,
}

impl Run {
    #[inline]
    pub(super) fn new(
        entry: Entry,
        trigger: Trigger,
        Routed {
            entry: live, params, ..
        }: Routed,
        host: Arc<str>,
        Caller {
            address: remote_addr,
            scheme,
            depth,
        }: Caller,
        mut parts: Parts,
        node: Arc<str>,
    ) -> Self {
        credentials::withhold(&mut parts.headers);
        let request = Arc::new(ScriptRequest {
            method: parts.method,
            uri: path_and_query(parts.uri),
            scheme,
            host,
            params,
            headers: parts.headers,
            body: Bytes::new(),
            remote_addr,
            webhook: None,
        });
        Self {
            entry,
            trigger,
            depth,
            live,
            request,
            node,
            carried: Carried::default(),
        }
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        &self.request.headers
    }

    /// Adds the body, and what a webhook found, before anybody else has seen the request.
    pub(super) fn set_body(&mut self, body: Bytes, webhook: Option<Box<ReceivedWebhook>>) {
        let request = Arc::make_mut(&mut self.request);
        request.body = body;
        request.webhook = webhook;
    }

    /// How many runs and events led to it.
    pub(super) fn depth(&self) -> u8 {
        self.depth
    }

    fn invocation(self: &Arc<Self>) -> Invocation {
        Invocation {
            id: self.entry.id,
            script: Arc::clone(&self.live.script),
            scripts: self.live.scripts.clone(),
            depth: self.depth,
            trigger: self.trigger,
            request: Arc::clone(&self.request),
            keeps_writes: true,
            at_commit: Some(Arc::clone(self) as Arc<dyn AtCommit>),
            event: None,
        }
    }
}

impl<E: ExecutorClient> Dispatcher<E> {
    pub(super) async fn run(&self, run: Run) -> Result<Response<ResponseBody>, Refusal> {
        let run = Arc::new(run);
        self.refuse_without_memory()?;
        let _admitted = match run.live.gate.enter() {
            Some(running) => running,
            None => Box::pin(run.live.gate.wait()).await.map_err(full)?,
        };
        let Some(_running) = self.load.begin_run(RUNS_PER_THREAD_MAX) else {
            return Err(Refusal::new(
                Code::Overloaded,
                "Too many scripts are running. Try again in a moment.",
            ));
        };
        let unfinished = Unfinished {
            dispatcher: self,
            run: &run,
        };
        let outcome = if self.hosts.is_busy_here() {
            Box::pin(self.execute_where_it_is_quiet(run.invocation())).await
        } else {
            self.executor.execute(run.invocation()).await
        };
        unfinished.end();
        self.finish(&run, outcome)
    }

    /// Runs a script on another thread if that has less to do, and here if none has.
    async fn execute_where_it_is_quiet(&self, invocation: Invocation) -> Outcome {
        match self.hosts.send(invocation) {
            Ok(outcome) => outcome.await.unwrap_or_else(|_| stopped()),
            Err(invocation) => self.executor.execute(invocation).await,
        }
    }

    /// Refuses to begin anything while all that runs holds as much as it may.
    #[inline]
    pub(super) fn refuse_without_memory(&self) -> Result<(), Refusal> {
        if self.memory.budget().pressure() > Pressure::None {
            return Err(Refusal::new(
                Code::Overloaded,
                "The scripts that run hold all the memory that they may. Try again in a moment.",
            ));
        }
        Ok(())
    }

    /// Records the run, and makes its outcome an answer.
    fn finish(&self, run: &Run, outcome: Outcome) -> Result<Response<ResponseBody>, Refusal> {
        let Outcome {
            result,
            logs,
            usage,
            services,
            commits,
            recorded,
            request_path,
            ..
        } = outcome;
        if !services.is_empty() {
            self.recorder.used(&run.live, &services);
        }
        let (result, error) = match result {
            Ok(response) if response.status.is_informational() => {
                tracing::error!(execution.id = %run.entry.id, "a script answered with a status below 200");
                (Err(Code::ScriptFailed), None)
            }
            Ok(response) => match run.fate(!services.is_empty(), recorded) {
                Fate::Recorded => (Ok(response), None),
                Fate::OnlyCounted => {
                    self.recorder.count(&run.live, usage.duration_us);
                    return Ok(self.answer(run, response));
                }
                Fate::Committed(record) => {
                    let committed = CommittedRun {
                        record: *record,
                        duration_us: usage.duration_us,
                    };
                    self.recorder.committed(&run.live, committed);
                    return Ok(self.answer(run, response));
                }
            },
            Err(error) => {
                if error.kind == ScriptErrorKind::Internal {
                    tracing::error!(execution.id = %run.entry.id, error.message, "a run failed inside PiCloud");
                }
                (Err(code(error.kind)), Some(error))
            }
        };
        let status = result
            .as_ref()
            .map_or_else(|code| code.status(), |response| response.status);
        let summary = run.summary(request_path.as_deref());
        self.record(
            run,
            Ended {
                request: summary,
                usage,
                services,
                response_status: status.as_u16(),
                logs,
                error,
            },
        );
        result
            .map(|response| self.answer(run, response))
            .map_err(|code| failed(code, commits > 0))
    }
}

impl<E> Dispatcher<E> {
    fn record(&self, run: &Run, ended: Ended) {
        let record = run.execution(ended);
        if record.error.is_some() {
            self.events.tell_failed(&record, None);
        }
        self.recorder.record(&run.live, record);
    }

    fn answer(&self, run: &Run, mut response: ScriptResponse) -> Response<ResponseBody> {
        if run.trigger == Trigger::Execute {
            credentials::confine(&mut response.headers);
        }
        if response.body.len() >= KEPT_BYTES_MIN {
            // The run is over, but its client may take long to read this.
            response.body = self.memory.budget().keep(response.body);
        }
        answer(response)
    }
}

/// A run that has begun. Dropped before its end, because its client left or the server stops, it is recorded as
/// cancelled: with its time, but without what the script used and wrote, which went with it.
struct Unfinished<'r, E> {
    dispatcher: &'r Dispatcher<E>,
    run: &'r Run,
}

impl<E> Unfinished<'_, E> {
    /// The run has an outcome, and is recorded with that.
    #[inline]
    fn end(self) {
        mem::forget(self);
    }
}

impl<E> Drop for Unfinished<'_, E> {
    fn drop(&mut self) {
        let Self { dispatcher, run } = self;
        let duration_us = dispatcher.clock.now().as_micros() - run.entry.at.as_micros();
        let usage = Usage {
            // The clock can be set back meanwhile.
            duration_us: u64::try_from(duration_us).unwrap_or(0),
            ..Usage::default()
        };
        let error = cancelled("the client left, or the server stopped, before the script ended");
        dispatcher.record(
            run,
            Ended {
                request: run.summary(None),
                usage,
                services: Vec::new(),
                response_status: 0,
                logs: Vec::new(),
                error: Some(error),
            },
        );
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
        ScriptErrorKind::LoopDetected => Code::LoopDetected,
        kind if kind.is_timeout() => Code::ScriptTimeout,
        kind if kind.is_limit() => Code::ScriptLimitExceeded,
        ScriptErrorKind::Cancelled => Code::Overloaded,
        ScriptErrorKind::Conflict => Code::Conflict,
        ScriptErrorKind::StorageFull => Code::InsufficientStorage,
        ScriptErrorKind::CommitUnknown => Code::CommitUnknown,
        ScriptErrorKind::AppGone => Code::NotFound,
        ScriptErrorKind::QuotaExceeded => Code::QuotaExceeded,
        ScriptErrorKind::StorageUnavailable => Code::DatabaseUnavailable,
        _ => Code::ScriptFailed,
    }
}

/// The outcome of a run whose thread ended before it.
fn stopped() -> Outcome {
    Outcome::failed(cancelled("the server stopped before the script ended"))
}

fn cancelled(message: &str) -> ScriptError {
    ScriptError::nowhere(ScriptErrorKind::Cancelled, message.to_owned())
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

/// What the public is told of a run that failed: nothing of the script, but whether it has changed anything, where
/// people would ask.
fn failed(code: Code, has_committed: bool) -> Refusal {
    let detail = match code {
        Code::ScriptTimeout => {
            "The script took longer than it may. Whoever runs it finds this request by its id."
        }
        Code::ScriptLimitExceeded => {
            "The script used more than it may. Whoever runs it finds this request by its id."
        }
        Code::LoopDetected => {
            "Scripts call each other without an end. Whoever runs them finds this request by its id."
        }
        Code::Overloaded => "The server is stopping. Try again in a moment.",
        Code::Conflict => {
            "Others changed the same data at the same time, again and again. Try again in a moment."
        }
        Code::NotFound => "What answered here was deleted meanwhile.",
        Code::CommitUnknown => {
            "The database was lost while this was stored, so whether anything was changed is not known. Look before you try again."
        }
        Code::InsufficientStorage => "The server has no space left.",
        Code::QuotaExceeded => {
            "The app keeps or has used as much as it may. Whoever runs it finds this request by its id."
        }
        Code::DatabaseUnavailable => "The database does not answer. Try again in a moment.",
        _ => "The script failed. Whoever runs it finds this request, and why it failed, by its id.",
    };
    let changed = match code {
        Code::Conflict | Code::InsufficientStorage | Code::QuotaExceeded | Code::DatabaseUnavailable => {
            if has_committed {
                " What the script had stored before that stays."
            } else {
                " Nothing was changed."
            }
        }
        _ => "",
    };
    Refusal::new(code, format!("{detail}{changed}"))
}
