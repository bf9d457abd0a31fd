//! One request to run one script.

use std::{net::IpAddr, num::IntErrorKind, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Uri};
use serde::{Deserialize, Serialize};

use crate::{
    events::Delivered,
    id::ExecutionId,
    script::{AppScripts, LiveScript},
    seam::AtCommit,
    webhook::ReceivedWebhook,
};

/// How many steps may lead from one run to the next, over calls of scripts, events, and requests to the server itself. What
/// would go further is a loop.
pub const DEPTH_MAX: u8 = 16;

/// The header in which a request of a script says how many runs led to it.
pub const DEPTH_HEADER: HeaderName = HeaderName::from_static("x-picloud-depth");

/// The depth that a request with these headers says: how many runs led to it. Whoever passes a request on may add to the
/// header, so the largest number counts.
pub fn depth_in(headers: &HeaderMap) -> u64 {
    let values = headers.get_all(DEPTH_HEADER).iter();
    let values = values.filter_map(|value| value.to_str().ok());
    // They may also make one line of several.
    let depths = values.flat_map(|value| value.split(',')).filter_map(read_depth);
    depths.max().unwrap_or(0)
}

/// The number in a part of the header; the largest if it is larger than any that would be taken.
fn read_depth(part: &str) -> Option<u64> {
    match part.trim().parse::<u64>() {
        Ok(depth) => Some(depth),
        Err(error) => (*error.kind() == IntErrorKind::PosOverflow).then_some(u64::MAX),
    }
}

/// A script, and what to run it with.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Names the run, in records and as the answer's `x-request-id`.
    pub id: ExecutionId,
    /// What to run. Holding it keeps the version alive until the run ends, whatever is saved meanwhile.
    pub script: Arc<LiveScript>,
    /// The scripts that it may call: those of its app, in the same state.
    pub scripts: AppScripts,
    /// How many runs and events led to this one, at most [`DEPTH_MAX`]; 0 for what nobody but a client asked for.
    pub depth: u8,
    /// Why it runs.
    pub trigger: Trigger,
    /// What the script sees as `request`. Shared, because whoever asked for the run may need it afterwards.
    pub request: Arc<ScriptRequest>,
    /// Whether what it writes takes effect. If not, it still sees it itself.
    pub keeps_writes: bool,
    /// What whoever began the run adds to its last commit; nothing if absent.
    pub at_commit: Option<Arc<dyn AtCommit>>,
    /// The event that it runs for; none for a request.
    pub event: Option<Arc<Delivered>>,
}

/// Why a script runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A request that a route matched.
    Http,
    /// A request to `/api/v1/execute/{script_id}`.
    Execute,
    /// A test run from the editor.
    Test,
    /// A request for which nobody waits.
    Async,
    /// An event on a topic.
    Event,
    /// It was time.
    Schedule,
}

impl Trigger {
    /// Every trigger.
    pub const ALL: [Self; 6] = [
        Self::Http,
        Self::Execute,
        Self::Test,
        Self::Async,
        Self::Event,
        Self::Schedule,
    ];

    /// The word for it in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Execute => "execute",
            Self::Test => "test",
            Self::Async => "async",
            Self::Event => "event",
            Self::Schedule => "schedule",
        }
    }
}

/// An HTTP request as a script sees it. Nothing here is parsed before the script asks for it.
#[derive(Clone, Debug)]
pub struct ScriptRequest {
    /// The method.
    pub method: Method,
    /// Path and query, as they came.
    pub uri: Uri,
    /// `http` or `https`, as the client sees it.
    pub scheme: &'static str,
    /// The host, in the one form that [`HostName`](crate::host::HostName) gives it.
    pub host: Arc<str>,
    /// Parameters of host and path, decoded, in the order in which they stand there.
    pub params: Vec<(Arc<str>, String)>,
    /// All headers as they came, with lower-case names.
    pub headers: HeaderMap,
    /// The body, whole.
    pub body: Bytes,
    /// The client's address, behind trusted proxies too.
    pub remote_addr: IpAddr,
    /// What a webhook found, if one let the request through. In a box, because most have none.
    pub webhook: Option<Box<ReceivedWebhook>>,
}
