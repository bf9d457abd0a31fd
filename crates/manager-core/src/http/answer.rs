//! The outermost layer: every answer leaves through here, with its request id, its headers and its problem's body.

use std::{
    net::{IpAddr, Ipv4Addr},
    panic::AssertUnwindSafe,
};

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use picloud_shared::{
    id::ExecutionId,
    problem::{Code, PROBLEM_JSON, Problem},
    seam::Origin,
};
use tracing::Instrument as _;

use super::problem::{internal, not_found, problem};
use crate::Manager;

/// The name of the header that carries the request's id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a page must not do unless it says otherwise: anything.
const STRICTEST_POLICY: &str = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'";

/// Runs the rest and finishes its answer.
pub(crate) async fn finish(State(manager): State<Manager>, mut request: Request, next: Next) -> Response {
    let request_id = origin(&manager, &mut request).request_id;
    let span = tracing::info_span!("control", request.id = %request_id);
    let answered = AssertUnwindSafe(next.run(request))
        .catch_unwind()
        .instrument(span);
    // The panic itself is in the log already.
    let mut response = answered.await.unwrap_or_else(|_| internal().into_response());

    if response.status() == StatusCode::METHOD_NOT_ALLOWED && response.extensions().get::<Problem>().is_none()
    {
        let allow = response.headers().get(header::ALLOW).cloned();
        response = method_not_allowed(allow.as_ref()).into_response();
        response
            .headers_mut()
            .extend(allow.map(|allow| (header::ALLOW, allow)));
    }
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        write_problem(&mut response, &problem, request_id);
    }
    protect(response.headers_mut());
    if let Ok(id) = HeaderValue::try_from(request_id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// For every path that has no operation.
pub(crate) async fn no_such_path() -> Response {
    not_found("path").into_response()
}

/// Runs what changes something to its end even if the client goes away, so that a change that is stored also
/// becomes live.
pub(crate) async fn to_the_end(request: Request, next: Next) -> Response {
    let running = tokio::spawn(next.run(request).in_current_span());
    running.await.unwrap_or_else(|_| internal().into_response())
}

/// What the ingress noted of the request. Without an ingress in front, as in tests, it is noted here.
fn origin(manager: &Manager, request: &mut Request) -> Origin {
    let unknown = || Origin {
        request_id: ExecutionId::new(manager.now()),
        remote_addr: IpAddr::V4(Ipv4Addr::LOCALHOST),
        scheme: "http",
    };
    request.extensions_mut().get_or_insert_with(unknown).clone()
}

fn method_not_allowed(allow: Option<&HeaderValue>) -> super::problem::Refusal {
    let methods = allow.and_then(|allow| allow.to_str().ok()).unwrap_or("another");
    problem(
        Code::MethodNotAllowed,
        format!("This path does not take the method; it takes {methods}."),
    )
}

fn write_problem(response: &mut Response, problem: &Problem, request_id: ExecutionId) {
    *response.body_mut() = Body::from(problem.to_body(request_id));
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    if let Some(seconds) = problem.retry_after_s {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    if problem.code.status() == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
}

/// Sets what keeps browsers from doing more with an answer than to show it.
fn protect(headers: &mut HeaderMap) {
    let defaults = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CONTENT_SECURITY_POLICY, STRICTEST_POLICY),
    ];
    for (name, value) in defaults {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
