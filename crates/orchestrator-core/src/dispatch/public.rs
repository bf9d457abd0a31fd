//! From host, method and path to the script that answers.

use std::sync::Arc;

use http::{HeaderValue, Method, Response, StatusCode, header::ALLOW};
use picloud_shared::{id::ScriptId, problem::Code, route::MethodSet, seam::ExecutorClient};

use super::{Dispatcher, Refusal, ResponseBody, refusal::allow_value};
use crate::routing::{LiveEntry, Miss, WebhookRoute};

/// The script that answers, and what the route took from host and path.
pub(super) struct Routed {
    pub(super) entry: Arc<LiveEntry>,
    pub(super) params: Vec<(Arc<str>, String)>,
    /// How its requests are signed.
    pub(super) webhook: Option<Arc<WebhookRoute>>,
}

/// A request that no script answers.
pub(super) enum Unrouted {
    /// PiCloud answers an `OPTIONS` by itself.
    Options(MethodSet),
    /// Nobody does.
    Refused(Refusal),
}

impl<E: ExecutorClient> Dispatcher<E> {
    /// The live release is looked at here alone, and let go before anything waits.
    pub(super) fn route(&self, host: &str, method: &Method, path: &str) -> Result<Routed, Unrouted> {
        if !path.starts_with('/') {
            return Err(unusual_target(method, path));
        }
        let snapshot = self.live.snapshot();
        let claim = snapshot
            .claim(host)
            .ok_or_else(|| Unrouted::Refused(unknown_host(host)))?;
        match claim.app.find(claim, host, method.as_str(), path) {
            Ok(found) if found.route.entry.script.suspended => Err(Unrouted::Refused(suspended())),
            Ok(found) => Ok(Routed {
                entry: Arc::clone(&found.route.entry),
                params: found.params,
                webhook: found.route.webhook.clone(),
            }),
            Err(Miss::MethodNotAllowed(methods)) if method == Method::OPTIONS => {
                Err(Unrouted::Options(methods))
            }
            Err(miss) => Err(Unrouted::Refused(refusal(miss, method, path))),
        }
    }

    /// The live version of the script that a path names.
    pub(super) fn script(&self, id: &str) -> Result<Arc<LiveEntry>, Refusal> {
        // The id as it is written everywhere: no braces, no URN, nothing after it.
        let id = id
            .parse::<ScriptId>()
            .ok()
            .filter(|script| script.to_string().eq_ignore_ascii_case(id));
        let snapshot = self.live.snapshot();
        match id.and_then(|id| snapshot.script(id)) {
            Some(entry) if entry.script.suspended => Err(suspended()),
            Some(entry) => Ok(Arc::clone(entry)),
            None => Err(Refusal::new(Code::NotFound, "There is no script with this id.")),
        }
    }
}

impl Unrouted {
    pub(super) fn into_response(self) -> Result<Response<ResponseBody>, Refusal> {
        match self {
            Self::Refused(refusal) => Err(refusal),
            Self::Options(methods) => Ok(options(allow_value(methods))),
        }
    }
}

fn options(allow: HeaderValue) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(ALLOW, allow);
    response
}

/// `CONNECT host:port`, `OPTIONS *`, and what is neither.
fn unusual_target(method: &Method, path: &str) -> Unrouted {
    if method == Method::OPTIONS && path == "*" {
        Unrouted::Options(MethodSet::ANY)
    } else if method == Method::CONNECT {
        Unrouted::Refused(Refusal::method(
            MethodSet::ANY,
            "PiCloud is no proxy: it opens no tunnels.",
        ))
    } else {
        Unrouted::Refused(Refusal::new(
            Code::BadRequest,
            "The target of the request is not a path; it starts with /.",
        ))
    }
}

/// What a client waits before it tries a suspended script again, in seconds. Only a person can resume it.
const SUSPENDED_RETRY_AFTER_S: u32 = 300;

fn suspended() -> Refusal {
    let detail = "The script is suspended, because the server ended more than once while it ran. Whoever runs it can \
        save a new version or resume it.";
    Refusal::new(Code::ScriptSuspended, detail).retry_after(SUSPENDED_RETRY_AFTER_S)
}

fn unknown_host(host: &str) -> Refusal {
    let detail = format!("No app claims the host `{host}`. Add it to the domains of an app.");
    Refusal::new(Code::UnknownHost, detail)
}

fn refusal(miss: Miss, method: &Method, path: &str) -> Refusal {
    match miss {
        Miss::Malformed => Refusal::new(
            Code::BadRequest,
            "The path has broken percent-encoding, is not UTF-8, holds a NUL or has too many segments.",
        ),
        Miss::NoRoute => Refusal::new(
            Code::NoRoute,
            format!("The app that claims this host has no route for `{path}`."),
        ),
        Miss::MethodNotAllowed(methods) => Refusal::method(
            methods,
            format!("No route takes {method} on this path. The Allow header names those that are taken."),
        ),
    }
}
