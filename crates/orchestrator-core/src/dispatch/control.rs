//! The way to the control plane: the API, the dashboard, health.

use std::{error::Error, sync::Arc};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, Response, header::HOST};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use picloud_shared::seam::{ExecutorClient, Origin};

use super::{CONTROL_BODY_BYTES_MAX, Caller, Dispatcher, Entry, Refusal, ResponseBody, Step, body};

/// Any error.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// The body of an answer of the control plane.
pub type ControlBody = UnsyncBoxBody<Bytes, BoxError>;

/// Answers requests to PiCloud's own paths. The body was read already; the request's extensions hold its
/// [`Origin`], and its `Host` header is what the client named to a trusted proxy, if there is one.
///
/// The future is polled on a serving thread, and dropped when the client goes away: it must only wait for work
/// that is done elsewhere.
pub type ControlPlane =
    Arc<dyn Fn(Request<Bytes>) -> BoxFuture<'static, Response<ControlBody>> + Send + Sync>;

impl<E: ExecutorClient> Dispatcher<E> {
    pub(super) async fn ask_control_plane(
        &self,
        (request, origin): (Request<Incoming>, Origin),
    ) -> Result<Response<ResponseBody>, Refusal> {
        let (parts, incoming) = request.into_parts();
        let body = body::read(incoming, CONTROL_BODY_BYTES_MAX, self.body_pace, &self.memory).await?;
        let mut request = Request::from_parts(parts, body.bytes);
        request.extensions_mut().insert(origin);
        let response = (self.control)(request).await;
        drop(body.held);
        Ok(response.map(ResponseBody::control))
    }
}

/// A request for the control plane, with the host that its client named.
pub(super) fn for_control_plane(
    entry: Entry,
    caller: Caller,
    mut request: Request<Incoming>,
    forwarded_host: Option<HeaderValue>,
) -> Step {
    let authority = request
        .uri()
        .authority()
        .map(|authority| HeaderValue::from_str(authority.as_str()));
    if let Some(host) = forwarded_host {
        request.headers_mut().insert(HOST, host);
    } else if let Some(Ok(authority)) = authority
        && !request.headers().contains_key(HOST)
    {
        request.headers_mut().insert(HOST, authority);
    }
    let origin = Origin {
        request_id: entry.id,
        remote_addr: caller.address,
        scheme: caller.scheme,
    };
    Step::AskControlPlane(Box::new((request, origin)))
}
