//! From a request to its answer.
//!
//! The steps, in order: the host, PiCloud's own paths, the app that claims the host, its route, the body, the
//! run. What rarely happens is kept out of the future of a plain run, which is moved once per request.

mod body;
mod control;
mod host;
mod public;
mod refusal;
mod run;

use std::{net::IpAddr, sync::Arc};

use http::{HeaderName, HeaderValue, Method, Request, Response};
use hyper::body::{Body as _, Incoming};
use ipnet::IpNet;
use picloud_shared::{
    id::ExecutionId,
    invocation::Trigger,
    path::is_reserved,
    problem::Code,
    seam::ExecutorClient,
    time::{Clock, Timestamp},
};

pub use self::control::{BoxError, ControlBody, ControlPlane};
use self::run::Run;
pub(crate) use self::{
    body::{BodyPace, ResponseBody},
    host::Peer,
    refusal::Refusal,
};
use crate::{
    ids::RequestIds,
    ingress::Load,
    live::LiveReleases,
    proxy::{Client, TrustedProxies},
    recorder::ThreadRecorder,
};

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest path and query of a request in bytes.
pub(crate) const URI_BYTES_MAX: usize = 8 * 1_024;
/// Longest body of a request to PiCloud's own API in bytes.
const CONTROL_BODY_BYTES_MAX: u64 = 16 * 1_024 * 1_024;
/// Most scripts that run, or wait within their run, on one serving thread.
const RUNS_PER_THREAD_MAX: usize = 16_384;

const EXECUTE_PREFIX: &str = "/api/v1/execute/";

/// Answers the requests of one serving thread.
pub(crate) struct Dispatcher<E> {
    pub(crate) executor: E,
    pub(crate) live: Arc<LiveReleases>,
    pub(crate) recorder: ThreadRecorder,
    pub(crate) control: ControlPlane,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: RequestIds,
    pub(crate) proxies: TrustedProxies,
    pub(crate) request_body_bytes_max: u64,
    pub(crate) body_pace: BodyPace,
    pub(crate) load: Arc<Load>,
}

/// What is known of every request before it is looked at.
#[derive(Clone, Copy)]
struct Entry {
    id: ExecutionId,
    at: Timestamp,
}

/// Who sends a request.
#[derive(Clone, Copy)]
struct Caller {
    address: IpAddr,
    scheme: &'static str,
}

impl<E: ExecutorClient> Dispatcher<E> {
    /// The answer to a request. There always is one, and it always carries the request's id.
    pub(crate) async fn answer(&self, peer: &Peer, request: Request<Incoming>) -> Response<ResponseBody> {
        let at = self.clock.now();
        let entry = Entry {
            id: self.ids.next(at),
            at,
        };
        let head = request.method() == Method::HEAD;
        let mut response = match self.respond(entry, peer, request).await {
            Ok(response) => response,
            Err(refusal) => refusal.into_response(entry.id),
        };
        response
            .headers_mut()
            .insert(X_REQUEST_ID, self.ids.header(entry.id));
        if head {
            body::without_content(response)
        } else {
            response
        }
    }

    /// An id for an answer that belongs to no request.
    pub(crate) fn new_id(&self) -> ExecutionId {
        self.ids.next(self.clock.now())
    }

    async fn respond(
        &self,
        entry: Entry,
        peer: &Peer,
        request: Request<Incoming>,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let target = request
            .uri()
            .path_and_query()
            .map_or("", |target| target.as_str());
        if target.len() > URI_BYTES_MAX {
            let detail =
                format!("Path and query may have {URI_BYTES_MAX} bytes. Send what is longer in the body.");
            return Err(Refusal::new(Code::UriTooLong, detail));
        }
        let client = self.client(peer, &request);
        let host = peer.host(&request, client.host)?;
        let caller = Caller {
            address: client.address,
            scheme: client.scheme,
        };
        let path = request.uri().path();
        if is_reserved(path) {
            let forwarded = client.host.and_then(|host| HeaderValue::from_str(host).ok());
            return Box::pin(self.reserved(entry, caller, host, request, forwarded)).await;
        }
        let routed = match self.route(&host, request.method(), path) {
            Ok(routed) => routed,
            Err(unrouted) => return unrouted.into_response(),
        };
        let (parts, incoming) = request.into_parts();
        let body = if incoming.is_end_stream() {
            bytes::Bytes::new()
        } else {
            Box::pin(body::read_for_script(
                &parts.headers,
                incoming,
                self.request_body_bytes_max,
                self.body_pace,
            ))
            .await?
        };
        let run = Run {
            entry,
            trigger: Trigger::Http,
            script: routed.script,
            params: routed.params,
        };
        self.run(run, host, caller, parts, body).await
    }

    /// PiCloud's own paths, which it answers on every host.
    async fn reserved(
        &self,
        entry: Entry,
        caller: Caller,
        host: Arc<str>,
        request: Request<Incoming>,
        forwarded_host: Option<HeaderValue>,
    ) -> Result<Response<ResponseBody>, Refusal> {
        match request
            .uri()
            .path()
            .strip_prefix(EXECUTE_PREFIX)
            .filter(|script| !script.is_empty())
        {
            Some(script) => {
                let script = self.script(script)?;
                let (parts, incoming) = request.into_parts();
                let body = body::read_for_script(
                    &parts.headers,
                    incoming,
                    self.request_body_bytes_max,
                    self.body_pace,
                )
                .await?;
                let run = Run {
                    entry,
                    trigger: Trigger::Execute,
                    script,
                    params: Vec::new(),
                };
                self.run(run, host, caller, parts, body).await
            }
            None => {
                self.ask_control_plane(entry, caller, request, forwarded_host)
                    .await
            }
        }
    }

    /// Who sent the request, as far as the peer can be believed.
    fn client<'r>(&self, peer: &Peer, request: &'r Request<Incoming>) -> Client<'r> {
        if peer.trusted {
            self.proxies.client(peer.address, request.headers())
        } else {
            Client {
                address: peer.address,
                scheme: "http",
                host: None,
            }
        }
    }
}

impl Peer {
    /// The peer at `address`.
    pub(crate) fn of(address: IpAddr, proxies: &TrustedProxies) -> Self {
        let address = address.to_canonical();
        Self::new(address, proxies.contains(address))
    }
}

impl From<Vec<IpNet>> for TrustedProxies {
    fn from(networks: Vec<IpNet>) -> Self {
        Self::new(networks)
    }
}
