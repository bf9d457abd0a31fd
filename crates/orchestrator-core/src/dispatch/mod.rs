//! From a request to its answer.
//!
//! The steps, in order: the host, PiCloud's own paths, the app that claims the host, its route, the body, the
//! run. All up to the body is done at once, without a future, when the request arrives; what then has to wait is in a
//! box. Futures are moved more than once on their way to where they are polled, so a plain run should be small.

mod accept;
mod body;
mod control;
mod credentials;
mod depth;
mod host;
mod public;
mod record;
mod refusal;
mod run;
mod webhook;

use std::{net::IpAddr, rc::Rc, sync::Arc};

use http::{HeaderName, HeaderValue, Method, Request, Response};
use hyper::body::{Body as _, Incoming};
use ipnet::IpNet;
use picloud_shared::{
    id::ExecutionId,
    invocation::Trigger,
    memory::MemoryAccount,
    problem::Code,
    seam::{ExecutorClient, Origin},
    services::HostServices,
    time::{Clock, Timestamp},
};

pub use self::control::{BoxError, ControlBody, ControlPlane};
pub(crate) use self::{
    body::{BodyPace, ResponseBody},
    host::Peer,
    refusal::Refusal,
};
use self::{public::Routed, run::Run, webhook::Received};
use crate::{
    admission::Hosts,
    events::Events,
    ids::RequestIds,
    ingress::Load,
    live::LiveReleases,
    proxy::{Client, TrustedProxies},
    recorder::Recorder,
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
    pub(crate) recorder: Recorder,
    /// The name of this node, for records. This thread's own, so that no other one counts its users.
    pub(crate) node: Arc<str>,
    pub(crate) events: Events,
    /// Where the secrets are that webhooks are signed with.
    pub(crate) services: Arc<dyn HostServices>,
    pub(crate) control: ControlPlane,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: RequestIds,
    pub(crate) proxies: TrustedProxies,
    pub(crate) request_body_bytes_max: u64,
    pub(crate) body_pace: BodyPace,
    pub(crate) load: Arc<Load>,
    /// Where else a run may start.
    pub(crate) hosts: Hosts,
    /// What this thread holds for scripts, beside what they hold themselves.
    pub(crate) memory: Rc<MemoryAccount>,
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
    /// How many runs led to it.
    depth: u8,
}

/// A request that was looked at.
pub(crate) struct Begun {
    id: ExecutionId,
    head: bool,
    step: Step,
}

impl Begun {
    /// Whether its answer may be there without waiting.
    pub(crate) fn needs_no_wait(&self) -> bool {
        matches!(self.step, Step::Answer(_) | Step::Run(_))
    }
}

/// What is to be done for a request.
enum Step {
    Answer(Box<Response<ResponseBody>>),
    Run(Run),
    /// Its body is to be read first.
    Read(Box<(Run, Incoming)>),
    /// It is to be kept, and run later, for a caller that [`accept::caller`] names.
    Accept(Box<(Run, Incoming, [u8; 32])>),
    /// Its signature is to be looked at first.
    Receive(Box<Received>),
    AskControlPlane(Box<(Request<Incoming>, Origin)>),
}

impl<E: ExecutorClient> Dispatcher<E> {
    /// Decides who answers a request.
    pub(crate) fn begin(&self, peer: &Peer, request: Request<Incoming>) -> Begun {
        let at = self.clock.now();
        let id = self.ids.next(at);
        let head = request.method() == Method::HEAD;
        let step = self
            .first_step(Entry { id, at }, peer, request)
            .unwrap_or_else(|refusal| Step::Answer(Box::new(refusal.into_response(id))));
        Begun { id, head, step }
    }

    /// The answer to a request. There always is one, and it always carries the request's id.
    pub(crate) async fn complete(&self, begun: Begun) -> Response<ResponseBody> {
        let answer = match begun.step {
            Step::Run(run) => self.run(run).await,
            Step::Answer(response) => Ok(*response),
            Step::Read(run) => Box::pin(self.read_and_run(*run)).await,
            Step::Accept(run) => Box::pin(self.accept(*run)).await,
            Step::Receive(received) => Box::pin(self.receive(*received)).await,
            Step::AskControlPlane(request) => Box::pin(self.ask_control_plane(*request)).await,
        };
        let mut response = answer.unwrap_or_else(|refusal| refusal.into_response(begun.id));
        response
            .headers_mut()
            .insert(X_REQUEST_ID, RequestIds::header(begun.id));
        if begun.head {
            body::without_content(response)
        } else {
            response
        }
    }

    /// An id for an answer that belongs to no request.
    pub(crate) fn new_id(&self) -> ExecutionId {
        self.ids.next(self.clock.now())
    }

    fn first_step(&self, entry: Entry, peer: &Peer, request: Request<Incoming>) -> Result<Step, Refusal> {
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
            depth: 0,
        };
        let path = request.uri().path();
        let (trigger, mut routed) = if self.live.admin_host().answers(&host, path) {
            let Some(script) = path
                .strip_prefix(EXECUTE_PREFIX)
                .filter(|script| !script.is_empty())
            else {
                let forwarded = client.host.and_then(|host| HeaderValue::from_str(host).ok());
                return Ok(control::for_control_plane(entry, caller, request, forwarded));
            };
            (
                Trigger::Execute,
                Routed {
                    entry: self.script(script)?,
                    params: Vec::new(),
                    webhook: None,
                },
            )
        } else {
            match self.route(&host, request.method(), path) {
                Ok(routed) => (Trigger::Http, routed),
                Err(unrouted) => {
                    return unrouted
                        .into_response()
                        .map(|response| Step::Answer(Box::new(response)));
                }
            }
        };
        let caller = Caller {
            depth: depth::of(request.headers())?,
            ..caller
        };
        let (parts, incoming) = request.into_parts();
        let webhook = routed.webhook.take();
        let is_for_later = trigger == Trigger::Execute && accept::is_wanted(&parts.uri, &parts.headers);
        // The run is without credentials of PiCloud's own.
        let later_for = is_for_later.then(|| accept::caller(&parts.headers, caller.scheme));
        let run = Run::new(
            entry,
            trigger,
            routed,
            host,
            caller,
            parts,
            Arc::clone(&self.node),
        );
        Ok(if let Some(route) = webhook {
            Step::Receive(Box::new(Received { run, incoming, route }))
        } else if let Some(caller) = later_for {
            Step::Accept(Box::new((run, incoming, caller)))
        } else if incoming.is_end_stream() {
            Step::Run(run)
        } else {
            Step::Read(Box::new((run, incoming)))
        })
    }

    async fn read_and_run(
        &self,
        (mut run, incoming): (Run, Incoming),
    ) -> Result<Response<ResponseBody>, Refusal> {
        body::refuse_encoded(run.headers())?;
        self.refuse_without_memory()?;
        let body = body::read(
            incoming,
            self.request_body_bytes_max,
            self.body_pace,
            &self.memory,
        )
        .await?;
        run.set_body(body.bytes, None);
        let answer = self.run(run).await;
        drop(body.held);
        answer
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
