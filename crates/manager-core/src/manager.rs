//! The manager: what its operations share.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use picloud_shared::{
    admin_host::AdminHost,
    mail::Senders,
    repository::Repository,
    seam::{BrokerTable, EgressTable, EventTable, LiveTable, RunFeed, Workbench},
    services::HostServices,
    time::{Clock, Timestamp},
};

use crate::{
    accounts::{Hasher, SetupCode, Throttle},
    audit::{Denials, Upkeep},
    collections::Turns,
    http::Tails,
    router,
};

/// What a manager is made of.
pub struct ManagerParts {
    /// All of storage.
    pub repository: Arc<dyn Repository>,
    /// The live releases on this node.
    pub live: Arc<dyn LiveTable>,
    /// What scripts may do outside of this node.
    pub egress: Arc<dyn EgressTable>,
    /// The connections to the brokers of apps.
    pub brokers: Arc<dyn BrokerTable>,
    /// Who may be the sender of e-mail by the mail server of the instance, if there is one.
    pub instance_senders: Option<Senders>,
    /// Checks and tries scripts.
    pub workbench: Arc<dyn Workbench>,
    /// What scripts ask: the data of apps.
    pub services: Arc<dyn HostServices>,
    /// Takes events.
    pub events: Arc<dyn EventTable>,
    /// Tells of runs as they are recorded.
    pub runs: Arc<dyn RunFeed>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// The host of the dashboard and the API, if they have one of their own.
    pub admin_host: AdminHost,
    /// A session ends when it was not used for so long.
    pub session_ttl: Duration,
    /// Gives free memory back to the system. Called after each hash of a password, which takes 19 MiB.
    pub give_memory_back: fn(),
    /// The version of the program, for `/version`.
    pub version: String,
    /// The commit that it was built from, or `unknown`.
    pub commit: String,
}

/// The control plane of one node. A cheap handle: clones share everything.
#[derive(Clone)]
pub struct Manager(Arc<Inner>);

struct Inner {
    parts: ManagerParts,
    hasher: Hasher,
    throttle: Throttle,
    denials: Denials,
    upkeep: Upkeep,
    tails: Tails,
    collections: Turns,
    setup_code: OnceLock<SetupCode>,
}

impl Manager {
    /// A manager. Call [`first_start`](Self::first_start) once before it serves.
    pub fn new(parts: ManagerParts) -> Self {
        Self(Arc::new(Inner {
            hasher: Hasher::new(parts.give_memory_back),
            parts,
            throttle: Throttle::default(),
            denials: Denials::default(),
            upkeep: Upkeep::default(),
            tails: Tails::default(),
            collections: Turns::default(),
            setup_code: OnceLock::new(),
        }))
    }

    /// Answers requests for the paths that PiCloud keeps for itself. Each request should carry a
    /// [`seam::Origin`](picloud_shared::seam::Origin) in its extensions, and its whole body.
    pub fn router(&self) -> axum::Router {
        router::router(self.clone())
    }

    /// Ends what would go on for as long as its client wants. To be called when the server begins to stop.
    pub fn end_streams(&self) {
        self.tails().stop();
    }

    pub(crate) fn repository(&self) -> &dyn Repository {
        &*self.0.parts.repository
    }

    pub(crate) fn live(&self) -> &Arc<dyn LiveTable> {
        &self.0.parts.live
    }

    pub(crate) fn egress(&self) -> &Arc<dyn EgressTable> {
        &self.0.parts.egress
    }

    pub(crate) fn brokers(&self) -> &dyn BrokerTable {
        &*self.0.parts.brokers
    }

    pub(crate) fn instance_senders(&self) -> Option<&Senders> {
        self.0.parts.instance_senders.as_ref()
    }

    pub(crate) fn workbench(&self) -> &dyn Workbench {
        &*self.0.parts.workbench
    }

    pub(crate) fn services(&self) -> &dyn HostServices {
        &*self.0.parts.services
    }

    pub(crate) fn events(&self) -> &Arc<dyn EventTable> {
        &self.0.parts.events
    }

    pub(crate) fn runs(&self) -> &dyn RunFeed {
        &*self.0.parts.runs
    }

    /// The streams that clients follow.
    pub(crate) fn tails(&self) -> &Tails {
        &self.0.tails
    }

    /// Who changes which collection.
    pub(crate) fn collections(&self) -> &Turns {
        &self.0.collections
    }

    pub(crate) fn hasher(&self) -> &Hasher {
        &self.0.hasher
    }

    pub(crate) fn give_memory_back(&self) {
        (self.0.parts.give_memory_back)();
    }

    pub(crate) fn throttle(&self) -> &Throttle {
        &self.0.throttle
    }

    pub(crate) fn denials(&self) -> &Denials {
        &self.0.denials
    }

    /// To be called after what may have left a record in the audit log.
    pub(crate) fn keep_up_audit(&self) {
        self.0.upkeep.note(self);
    }

    pub(crate) fn admin_host(&self) -> &AdminHost {
        &self.0.parts.admin_host
    }

    pub(crate) fn session_ttl(&self) -> Duration {
        self.0.parts.session_ttl
    }

    pub(crate) fn version(&self) -> &str {
        &self.0.parts.version
    }

    pub(crate) fn commit(&self) -> &str {
        &self.0.parts.commit
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.parts.clock.now()
    }

    /// The one-time code with which the first owner is made; none once somebody existed at the start.
    pub(crate) fn setup_code(&self) -> Option<&SetupCode> {
        self.0.setup_code.get()
    }

    /// The same, made on the first call.
    pub(crate) fn setup_code_or_new(&self) -> &SetupCode {
        self.0.setup_code.get_or_init(SetupCode::generate)
    }
}
