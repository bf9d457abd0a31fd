//! Where the services meet. Each trait has a local implementation; in a cluster it gets a remote one.

use std::{
    fmt,
    future::Future,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;

use crate::{
    events::{Ack, Held, IdempotencyKey, NewEvent, Published},
    execution::{CommittedRun, Execution, ExecutionFilter},
    id::{AppId, DeliveryId, ExecutionId, RouteId, ScheduleId, ScriptId},
    invocation::Invocation,
    modules::Modules,
    mqtt::{Broker, BrokerState},
    outcome::{Diagnostic, Outcome},
    repository::{PublishError, StoreError},
    script::LiveScript,
    services::{Email, EmailFailure, ServiceError, ServiceUse},
};

/// Runs scripts on the calling thread. The orchestrator has one per serving thread.
pub trait ExecutorClient {
    /// Runs one script to its end. Never fails: what goes wrong is in the [`Outcome`].
    /// Dropping the future ends the run.
    fn execute(&self, invocation: Invocation) -> impl Future<Output = Outcome>;

    /// The runs that keep the calling thread busy; none if they run elsewhere.
    fn busy(&self) -> BusyRuns {
        BusyRuns::default()
    }
}

/// What whoever began a run adds to its commit: they know what the executor does not.
///
/// But for what it [holds](Self::held), it is asked only at the end of a run that is about to commit something, and once
/// more for each time that it is repeated.
pub trait AtCommit: fmt::Debug + Send + Sync {
    /// The record of the run, for the case that it ends with this outcome, which is all that will be known when its
    /// commit takes effect; none if it is to have none, or none of this kind.
    fn record(&self, outcome: &Outcome) -> Option<Box<Execution>>;

    /// Whether the run ends something: then it commits, even if it has nothing to write, unless what it came to was
    /// thrown.
    fn ends_something(&self) -> bool {
        false
    }

    /// What it runs under, if that can be lost: then what it commits before its end takes no effect either.
    fn held(&self) -> Vec<Held> {
        Vec::new()
    }

    /// What it ends, for the case that it ends with this outcome.
    fn ended(&self, outcome: &Outcome) -> Option<Acknowledged> {
        let _ = outcome;
        None
    }
}

/// The end of the deliveries of a run, as part of a commit.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    /// The end of each.
    pub acks: Vec<Ack>,
    /// What is published with them.
    pub emits: Vec<NewEvent>,
}

/// Checks and tries scripts for the control plane, away from the serving threads.
#[async_trait]
pub trait Workbench: Send + Sync {
    /// Everything that is to be said about `source`, which imports `modules`; one
    /// [`Severity::Error`](crate::outcome::Severity) at least if it does not compile. Sources over
    /// [`SOURCE_BYTES_MAX`](crate::limits::SOURCE_BYTES_MAX) are not parsed.
    async fn check(&self, source: Arc<str>, modules: Option<Arc<Modules>>) -> Vec<Diagnostic>;

    /// Runs one script to its end.
    async fn run(&self, invocation: Invocation) -> Outcome;
}

/// The live releases on this node. The orchestrator answers from them.
#[async_trait]
pub trait LiveTable: Send + Sync {
    /// Reads an app's live release again and swaps it in. When this returns, every new request on this node
    /// sees it. Called after each change, before the change is acknowledged.
    async fn refresh(&self, app: AppId) -> Result<(), StoreError>;

    /// Tells which route of `app` would answer, or why none would.
    fn explain(&self, app: AppId, method: &str, authority: &str, path: &str) -> Explanation;

    /// Whether every live release was loaded.
    fn is_ready(&self) -> bool;
}

/// Takes events, for the scripts that are to run for them.
#[async_trait]
pub trait EventTable: Send + Sync {
    /// Publishes. An event that has no deliveries gets one for each live script that subscribes to its topic. When this
    /// returns, they are on disk, and on their way.
    async fn publish(
        &self,
        app: AppId,
        events: Vec<NewEvent>,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Published, PublishError>;

    /// Gives events that have no deliveries one for each live script that subscribes to its topic, for whoever stores
    /// them otherwise.
    fn address(&self, app: AppId, events: &mut [NewEvent]);

    /// Something may be due that was not before.
    fn wake(&self);

    /// A delivery was cancelled: its run ends, if it is on this node.
    fn lose(&self, delivery: DeliveryId);

    /// A run of a schedule has ended: what waited for that may begin.
    fn run_ended(&self, app: AppId, schedule: ScheduleId);
}

/// What scripts of each app may do outside of this node.
#[async_trait]
pub trait EgressTable: Send + Sync {
    /// Reads an app's settings again. When this returns, every new request of a script on this node is made by them.
    /// Called after each change, before the change is acknowledged.
    async fn refresh(&self, app: AppId) -> Result<(), StoreError>;

    /// Hands an e-mail to the mail server that takes those of the app's scripts, for somebody who tries whether it does;
    /// gives what it said. Whoever's mail server it is, the e-mail counts among those that the app may send in an hour.
    async fn try_email(&self, app: AppId, email: Email)
    -> Result<Result<String, EmailFailure>, ServiceError>;
}

/// The connections of this node to the brokers of apps.
#[async_trait]
pub trait BrokerTable: Send + Sync {
    /// Looks at what is set, and connects and disconnects accordingly; with `again`, the connections of `app` are made anew in
    /// any case. When this returns, the app has none any more that is not wanted; nobody waits for those of others. Called
    /// after each change to the app, before the change is acknowledged.
    async fn refresh(&self, app: AppId, again: bool);

    /// Whether `pem` is certificates of authorities that a broker can be known by, and nothing else.
    fn takes_authorities(&self, pem: &str) -> bool;

    /// How the connection to a broker is, as far as this node knows.
    fn state(&self, broker: &Broker) -> BrokerState;
}

/// The runs of this node, as they are recorded.
pub trait RunFeed: Send + Sync {
    /// From now on, tells of each run of `app` that `filter` lets through, once its record is kept.
    fn follow(&self, app: AppId, filter: ExecutionFilter) -> Box<dyn FollowedRuns>;

    /// The name of this node, for records.
    fn node(&self) -> &str;

    /// Records a run that no request of the public began.
    fn record(&self, execution: Execution);

    /// The same for one whose record was written with its commit.
    fn committed(&self, run: CommittedRun);

    /// Counts what such a run used of the services, recorded or not.
    fn used(&self, app: AppId, services: &[ServiceUse]);
}

/// What somebody follows; it ends when this is dropped.
#[async_trait]
pub trait FollowedRuns: Send + Sync {
    /// What there is to tell next; waits for it. Dropping the future loses nothing.
    async fn next(&mut self) -> RunNews;
}

/// What is told to somebody who follows runs.
#[derive(Clone, Debug, PartialEq)]
pub enum RunNews {
    /// A run was recorded. Its logs are left out.
    Recorded(Arc<Execution>),
    /// So many runs after the last one are not told of, because too many waited.
    Skipped(u64),
}

/// Gives the live version of a script.
pub trait ScriptResolver: Send + Sync {
    /// The live version, if there is such a script.
    fn resolve(&self, script: ScriptId) -> Option<Arc<LiveScript>>;
}

/// The way of a request through the rules of dispatch, as far as it gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The host in its one form, if it is one.
    pub host: Option<String>,
    /// The claim that the host falls under.
    pub claim: Option<ExplainedClaim>,
    /// The route.
    pub route: Option<RouteId>,
    /// Parameters of host and path.
    pub params: Vec<(String, String)>,
    /// The script and its live version.
    pub script: Option<(ScriptId, u32)>,
    /// Where it ended without a route.
    pub miss: Option<Miss>,
}

/// The claim that a host falls under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedClaim {
    /// Its pattern.
    pub pattern: String,
    /// The app that made it.
    pub app_id: AppId,
}

/// At which step a request finds no route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Miss {
    /// The host or the path is malformed.
    Malformed,
    /// The path is PiCloud's own.
    Reserved,
    /// No app claims the host.
    UnknownHost,
    /// Another app claims the host.
    OtherApp,
    /// No route of the app has the path.
    NoRoute,
    /// Routes have the path, but only with these methods.
    MethodNotAllowed(Vec<&'static str>),
    /// The same for `OPTIONS`, which is then answered with these methods.
    Options(Vec<&'static str>),
    /// The script is suspended.
    Suspended,
}

/// What the ingress knows of a request that it hands to the control plane, beside the request itself. It
/// travels in the request's extensions.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Names the request; goes back as `x-request-id`.
    pub request_id: ExecutionId,
    /// The client's address, behind trusted proxies too.
    pub remote_addr: IpAddr,
    /// `http` or `https`, as the client sees it.
    pub scheme: &'static str,
}

/// How many runs of one thread would use the processor for longer than a slice of time if they could. Written by
/// their thread alone; any thread may look. All copies are one count.
#[derive(Clone, Debug, Default)]
pub struct BusyRuns(Arc<AtomicUsize>);

impl BusyRuns {
    /// How many there are.
    #[inline]
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// One more.
    pub fn begin(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// One less.
    pub fn end(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
