//! From what a script returns or throws to the response that is sent.
//!
//! | a script returns | status | content type |
//! |---|---|---|
//! | a string or character | 200 | `text/plain; charset=utf-8` |
//! | a map, array, number or boolean | 200 | `application/json` |
//! | `()` | 204 | none |
//! | a blob | 200 | `application/octet-stream` |
//! | `response(..)`, `html(..)`, `json(..)`, `text(..)`, `redirect(..)` | as it says | as it says |
//!
//! A script also answers by throwing such a response, or a map with `status`: beside it `body` (any of the
//! above), or else `message`, which is sent as the JSON object `{"error": message}`; and `headers`, a map. An
//! error of `request.json()`, `request.form()` or `request.body` that nobody catches answers too: what the client
//! sent is the client's fault, 400 or 415.

mod body;
mod cookie;
mod functions;
mod headers;

use std::rc::Rc;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use picloud_shared::outcome::{ScriptErrorKind, ScriptResponse};
use rhai::{Dynamic, EvalAltResult, Map, Module, Position};

use self::body::Body;
pub(crate) use self::functions::module;
use crate::error::failure;

/// A response as scripts see it. Cheap to clone; a change leaves other copies as they are.
#[derive(Clone)]
pub(crate) struct Response(Rc<Parts>);

#[derive(Clone)]
struct Parts {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Body,
}

/// Makes the type known.
pub(crate) fn register_types(module: &mut Module) {
    module.set_custom_type::<Response>("Response");
}

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// What `value`, which a script returned, is as a response.
pub(crate) fn of_returned(value: Dynamic) -> Fallible<ScriptResponse> {
    if value.is::<Response>() {
        return Ok(value.cast::<Response>().into_sent());
    }
    let body = Body::of(&value)?;
    let status = if body.is_absent() {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::OK
    };
    Ok(sent(status, Vec::new(), body))
}

/// An error because of what the client sent. A script that catches it has the message as text; one that does not
/// answers with `status`.
///
/// The status goes along as the tag of the text, below zero. A script can set tags too, and gets no more by it than
/// an answer that it could throw anyway.
#[expect(clippy::unnecessary_box_returns, reason = "Rhai passes errors in a box")]
pub(crate) fn refusal(status: StatusCode, message: String) -> Box<EvalAltResult> {
    let mut thrown = Dynamic::from(message);
    thrown.set_tag(-i32::from(status.as_u16()));
    EvalAltResult::ErrorRuntime(thrown, Position::NONE).into()
}

/// The status of a [`refusal`].
fn status_of_refusal(thrown: &Dynamic) -> Option<i64> {
    (thrown.is_string() && (-499..=-400).contains(&thrown.tag())).then(|| -i64::from(thrown.tag()))
}

/// What `value`, which a script threw, is as a response; nothing if it is an error.
pub(crate) fn of_thrown(value: &Dynamic) -> Option<Fallible<ScriptResponse>> {
    if let Some(status) = status_of_refusal(value) {
        let map = Map::from([("message".into(), value.clone())]);
        return Some(of_thrown_map(status, &map).map(Response::into_sent));
    }
    if let Some(response) = value.read_lock::<Response>() {
        return Some(Ok(response.clone().into_sent()));
    }
    let map = value.as_map_ref().ok()?;
    let status = map.get("status")?.as_int().ok()?;
    Some(of_thrown_map(status, &map).map(Response::into_sent))
}

fn of_thrown_map(status: i64, map: &Map) -> Fallible<Response> {
    let body = match (map.get("body"), map.get("message")) {
        (Some(body), _) => Body::of(body)?,
        (None, Some(message)) => Body::json(&Map::from([("error".into(), message.clone())]).into())?,
        (None, None) => Body::absent(),
    };
    let mut response = Response::new(status, body)?;
    if let Some(headers) = map.get("headers").and_then(|headers| headers.as_map_ref().ok()) {
        for (name, value) in headers.iter() {
            response.set_header(name, value)?;
        }
    }
    Ok(response)
}

impl Response {
    fn new(status: i64, body: Body) -> Fallible<Self> {
        let status = parse_status(status)?;
        let no_body = matches!(
            status,
            StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
        );
        // `response(204, "")` means what it says: nothing.
        let body = if no_body && body.is_empty() {
            Body::absent()
        } else {
            body
        };
        if no_body && !body.is_absent() {
            return Err(unsendable(format!(
                "a response with status {status} has no body",
                status = status.as_u16()
            )));
        }
        Ok(Self(Rc::new(Parts {
            status,
            headers: Vec::new(),
            body,
        })))
    }

    fn parts_mut(&mut self) -> &mut Parts {
        Rc::make_mut(&mut self.0)
    }

    fn into_sent(self) -> ScriptResponse {
        let Parts {
            status,
            headers,
            body,
        } = Rc::unwrap_or_clone(self.0);
        sent(status, headers, body)
    }
}

fn parse_status(status: i64) -> Fallible<StatusCode> {
    u16::try_from(status)
        .ok()
        .filter(|status| (200..=599).contains(status))
        .and_then(|status| StatusCode::from_u16(status).ok())
        .ok_or_else(|| {
            unsendable(format!(
                "a response cannot have the status {status}, only 200 to 599"
            ))
        })
}

fn sent(status: StatusCode, headers: Vec<(HeaderName, HeaderValue)>, body: Body) -> ScriptResponse {
    // Room for the content type, and for the name of the request, which whoever sends this adds.
    let mut map = HeaderMap::with_capacity(headers.len() + 2);
    if let Some(content_type) = body.content_type {
        map.insert(header::CONTENT_TYPE, content_type);
    }
    for (name, value) in headers {
        if name == header::SET_COOKIE {
            map.append(name, value);
        } else {
            map.insert(name, value);
        }
    }
    ScriptResponse {
        status,
        headers: map,
        body: body.bytes,
    }
}

/// An error that says why something cannot be sent.
#[expect(clippy::unnecessary_box_returns, reason = "Rhai passes errors in a box")]
fn unsendable(message: impl Into<String>) -> Box<EvalAltResult> {
    failure(ScriptErrorKind::Response, message)
}
