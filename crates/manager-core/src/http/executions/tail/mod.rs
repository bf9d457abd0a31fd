//! `GET /api/v1/admin/apps/{app}/executions:tail`.

mod event;
mod places;
mod stream;

use std::{convert::Infallible, time::Duration};

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse as _, Response},
};
use futures_util::stream::poll_fn;
use http::{HeaderMap, HeaderName, header};
use picloud_shared::{
    execution::{ExecutionFilter, ExecutionStatus},
    id::{ExecutionId, ScriptId},
    invocation::Trigger,
    problem::Code,
};
use serde::Deserialize;
use tokio::sync::mpsc;
use utoipa::IntoParams;
use uuid::Uuid;

pub(crate) use self::places::Tails;
use self::{
    places::Full,
    stream::{Tail, Unknown},
};
use super::list::require_searchable;
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, QueryParams},
        problem::{Answer, Refusal, problem, problems, too_many},
    },
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Tells nginx to pass on each event as it comes.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Events that are under way to a client; more wait until it has taken some.
const EVENTS_UNDER_WAY_MAX: usize = 8;
/// When to come back if there is no place for one more stream.
const WAIT: Duration = Duration::from_secs(5);

problems!(TailExecutionsProblems: NotFound, TooManyRequests, Overloaded);

/// Which runs; each parameter that is given must fit.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TailExecutionsQuery {
    /// Of this script.
    script: Option<Uuid>,
    /// `success`, `error`, `timeout`, `limit_exceeded` or `cancelled`.
    #[param(value_type = Option<String>)]
    status: Option<ExecutionStatus>,
    /// `http`, `execute`, `test`, `async`, `event` or `schedule`.
    #[param(value_type = Option<String>)]
    trigger: Option<Trigger>,
    /// With this text in path, script name, error or log, in any case.
    q: Option<String>,
    /// The newest run that is known already, such as the first of the list: what came after it is told of first. The
    /// header `Last-Event-ID` counts more.
    last_event_id: Option<Uuid>,
}

/// Follow an app's executions
///
/// Server-sent events, one for each run that is recorded from now on. Its `id` is that of the run; its `data` is what the
/// list has of it, as JSON. Successes beyond the rate at which they are recorded are not among them, as in the list.
///
/// With the header `Last-Event-ID`, which browsers send by themselves when they connect again, what was recorded
/// meanwhile comes first: the newest 200 runs at most, of which some may have been there before.
///
/// An event `skipped`, with `data` like `{"runs": 12}`, says that so many runs are not in the stream, or an unknown number
/// if that is null: the client was away too long or read too slowly. An event `end` is the last one, with `data` like
/// `{"reason": "access"}`: the caller may not see this any more, or `stopping`: the server stops. A comment every 20
/// seconds shows that the connection lives.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/executions:tail",
    tag = "executions",
    params(
        TailExecutionsQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that came."),
    ),
    responses(
        (status = 200, description = "The events", content_type = "text/event-stream", body = String),
        TailExecutionsProblems,
    ),
)]
pub(crate) async fn tail_executions(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    QueryParams(query): QueryParams<TailExecutionsQuery>,
    headers: HeaderMap,
) -> Answer<Response> {
    require_searchable(query.q.as_deref())?;
    let place = manager
        .tails()
        .enter(app.id, caller.credential.id())
        .map_err(refuse)?;
    let seen = match headers.get(LAST_EVENT_ID) {
        Some(seen) => Some(
            seen.to_str()
                .ok()
                .and_then(|seen| seen.parse().ok())
                .ok_or(Unknown),
        ),
        None => query.last_event_id.map(|seen| Ok(ExecutionId(seen))),
    };
    let filter = ExecutionFilter {
        script: query.script.map(ScriptId),
        status: query.status,
        trigger: query.trigger,
        text: query.q.filter(|text| !text.is_empty()),
        ..ExecutionFilter::default()
    };
    let (out, mut events) = mpsc::channel(EVENTS_UNDER_WAY_MAX);
    let tail = Tail {
        // Begun before it is looked what was missed, so that nothing falls in between.
        news: manager.runs().follow(app.id, filter.clone()),
        app: app.id,
        manager,
        caller,
        headers,
        filter,
        seen,
        place,
        out,
    };
    tokio::spawn(tail.run());
    let events = poll_fn(move |cx| events.poll_recv(cx).map(|event| event.map(Ok::<_, Infallible>)));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        // So that nobody on the way gathers events in order to compress them.
        (header::CACHE_CONTROL, "no-store, no-transform"),
        (X_ACCEL_BUFFERING, "no"),
    ];
    Ok((headers, Body::from_stream(events)).into_response())
}

fn refuse(full: Full) -> Refusal {
    match full {
        Full::App => too_many(
            WAIT,
            "As many follow this app's executions as may. Try again in a moment.",
        ),
        Full::Credential => too_many(
            WAIT,
            "This session or API token follows as many streams as it may. Close one of them first.",
        ),
        Full::All => problem(
            Code::Overloaded,
            "As many follow executions on this server as may. Try again in a moment.",
        ),
        Full::Stopping => problem(Code::Overloaded, "The server is stopping. Try again in a moment."),
    }
}
