//! `http::…`
//!
//! Reading order: `functions` (what scripts call), `draft` (a request as a script describes it), `response` (the answer
//! as scripts see it).

mod draft;
mod functions;
mod response;

use picloud_shared::services::{
    Answer, HTTP_BODY_BYTES_MAX, HTTP_REQUESTS_AT_ONCE_MAX, HTTP_REQUESTS_PER_RUN_MAX, HttpAnswer,
    HttpFailure, Question, Service,
};
use rhai::{Array, Dynamic, EvalAltResult, Map, Position};

use self::{draft::Draft, response::HttpResponse};
pub(crate) use self::{
    functions::module,
    response::{method_module, register_types},
};
use super::session::{Session, call, unexpected};
use crate::{
    api::{Fallible, fail},
    coroutine::with_current,
};

/// Makes one request; a failure is thrown.
fn send(draft: &Draft) -> Fallible<HttpResponse> {
    call(Service::Http, |session| one(session, draft))
}

fn one(session: &Session, draft: &Draft) -> Fallible<HttpResponse> {
    let mut answers = ask(session, std::slice::from_ref(draft))?;
    match answers.pop() {
        Some(Ok(response)) => Ok(response),
        Some(Err(failure)) => Err(EvalAltResult::ErrorRuntime(failure.into(), Position::NONE).into()),
        None => Err(fail("the request has no answer")),
    }
}

/// Makes several requests at one time; a failure stands where its answer would.
fn all(session: &Session, drafts: &[Draft]) -> Fallible<Array> {
    let answers = ask(session, drafts)?.into_iter();
    let value = |answer: Result<HttpResponse, Map>| answer.map_or_else(Dynamic::from_map, Dynamic::from);
    Ok(answers.map(value).collect())
}

fn ask(session: &Session, drafts: &[Draft]) -> Fallible<Vec<Result<HttpResponse, Map>>> {
    const FUNCTION: &str = "http::all";
    if drafts.len() > HTTP_REQUESTS_AT_ONCE_MAX {
        return Err(fail(format!(
            "{FUNCTION} makes at most {HTTP_REQUESTS_AT_ONCE_MAX} requests at one time, not {}",
            drafts.len()
        )));
    }
    if drafts.is_empty() {
        return Ok(Vec::new());
    }
    let bytes: usize = drafts.iter().map(Draft::body_bytes).sum();
    if bytes > HTTP_BODY_BYTES_MAX {
        return Err(fail(format!(
            "what is sent at one time has at most {HTTP_BODY_BYTES_MAX} bytes, not {bytes}"
        )));
    }
    let requests = session.state(|state| {
        state.http_requests += drafts.len();
        state.http_requests
    });
    if requests > HTTP_REQUESTS_PER_RUN_MAX {
        return Err(session.too_much(format!(
            "one run may make {HTTP_REQUESTS_PER_RUN_MAX} requests to other servers"
        )));
    }
    if let Some(draft) = drafts.iter().find(|draft| !draft.is_safe()) {
        if !session.keeps_writes() {
            return Err(fail(format!(
                "http::{}: not sent, because this run is only tried; run it with keep_writes",
                draft.method().to_ascii_lowercase()
            )));
        }
        session.had_outside_effect();
    }
    let depth = with_current(|run| run.map_or(1, |run| run.depth.saturating_add(1)));
    let answer = session.ask(Service::Http, || Question::Http {
        requests: drafts.iter().map(|draft| draft.to_request(depth)).collect(),
    })?;
    let Answer::Http { answers } = &*answer else {
        return Err(unexpected(&answer));
    };
    let read: usize = answers.iter().flatten().map(|answer| answer.body.len()).sum();
    session.meter(Service::Http, |used| {
        used.bytes_written += bytes as u64;
        used.bytes_read += read as u64;
    });
    let seen = answers
        .iter()
        .map(|answer: &Result<HttpAnswer, HttpFailure>| match answer {
            Ok(answer) => HttpResponse::new(answer).map(Ok),
            Err(failure) => Ok(Err(described(failure))),
        });
    seen.collect()
}

/// A failure as scripts see it.
fn described(failure: &HttpFailure) -> Map {
    Map::from([
        ("kind".into(), failure.kind.as_str().into()),
        ("message".into(), failure.message.clone().into()),
        ("url".into(), failure.url.clone().into()),
        ("ok".into(), false.into()),
    ])
}
