//! What the services ask of storage. One trait per noun; the store implements all of them on both databases.
//!
//! Every write that changes a release takes a [`Change`](crate::change::Change), runs in one transaction and
//! leaves one release behind. Rules that two callers could race for are part of the statement that writes.
//! What is not there is `None`; an error is only what the caller must tell apart.

mod accounts;
mod apps;
mod audit;
mod bindings;
mod brokers;
mod collections;
mod config;
mod deliveries;
mod deployments;
mod domains;
mod egress;
mod events;
mod executions;
mod invitations;
mod members;
mod quotas;
mod releases;
mod routes;
mod schedules;
mod scripts;
mod second_factors;
mod secrets;
mod sessions;
mod smtp;
mod tokens;
mod users;

pub use accounts::{AccountRepository, AccountUpdate, WriteAccountError};
pub use apps::{
    AppRepository, AppUpdate, CreateAppError, DeleteAppError, FoundApp, ListedApp, NewApp, SlugStatus,
    UpdateAppError,
};
pub use audit::AuditRepository;
pub use bindings::{BindingRepository, BindingUpdate, WriteBindingError};
pub use brokers::{BrokerConnections, BrokerRepository, BrokersHint, PutBrokerError};
pub use collections::{AppCollection, CollectionRepository, CreateCollectionError};
pub use config::{ConfigRepository, SetConfigError};
pub use deliveries::DeliveryRepository;
pub use deployments::{DeployConflict, DeployError, DeployTerms, Deployed, DeploymentRepository};
pub use domains::{AddDomainError, DomainRepository, RemoveDomainError};
pub use egress::{EgressRepository, EgressSettings};
pub use events::{EventRepository, PublishError};
pub use executions::{ExecutionRepository, RunLog};
pub use invitations::{
    AcceptInvitationError, CreateInvitationError, DeletedInvitation, InvitationRepository, InvitedPerson,
};
pub use members::{AddMemberError, AppScope, MemberRepository};
pub use quotas::{QuotaRepository, QuotaUpdate};
pub use releases::ReleaseRepository;
pub use routes::{RouteRepository, RouteUpdate, WriteRouteError};
pub use schedules::{
    Decided, LEDGER_DAYS_MAX, LEDGER_ROWS_MAX, LedgerRow, LedgerStep, LedgerWritten, ScheduleRepository,
    ScheduleStanding,
};
pub use scripts::{
    Checked, DeleteScriptError, Expected, NewScript, ScriptRepository, ScriptUpdate, WriteScriptError,
};
pub use second_factors::{ConfirmedFactor, SecondFactorRepository};
pub use secrets::{SecretRepository, SetSecretError};
pub use sessions::{
    Proof, SESSION_AGE_MAX, SESSION_TOUCH_INTERVAL_MIN, SESSIONS_PER_PERSON_MAX, SessionRepository,
};
pub use smtp::{AppSmtp, MailServers, PutSmtpError, SmtpRepository};
pub use tokens::{CreateTokenError, TOKEN_TOUCH_INTERVAL_MIN, TOKENS_PER_PERSON_MAX, TokenRepository};
pub use users::UserRepository;

use crate::{
    access::Capability,
    bindings::{ScheduleSpec, SubscriptionSpec},
};

/// All of storage.
pub trait Repository:
    AppRepository
    + DomainRepository
    + ScriptRepository
    + RouteRepository
    + ReleaseRepository
    + ScheduleRepository
    + DeploymentRepository
    + UserRepository
    + AccountRepository
    + InvitationRepository
    + MemberRepository
    + CollectionRepository
    + QuotaRepository
    + SessionRepository
    + SecondFactorRepository
    + SecretRepository
    + SmtpRepository
    + BrokerRepository
    + ConfigRepository
    + BindingRepository<SubscriptionSpec>
    + BindingRepository<ScheduleSpec>
    + TokenRepository
    + RunLog
    + ExecutionRepository
    + EgressRepository
    + EventRepository
    + DeliveryRepository
    + AuditRepository
    + Health
{
}

impl<T> Repository for T where
    T: AppRepository
        + DomainRepository
        + ScriptRepository
        + RouteRepository
        + ReleaseRepository
        + ScheduleRepository
        + DeploymentRepository
        + UserRepository
        + AccountRepository
        + InvitationRepository
        + MemberRepository
        + CollectionRepository
        + QuotaRepository
        + SessionRepository
        + SecondFactorRepository
        + SecretRepository
        + SmtpRepository
        + BrokerRepository
        + ConfigRepository
        + BindingRepository<SubscriptionSpec>
        + BindingRepository<ScheduleSpec>
        + TokenRepository
        + RunLog
        + ExecutionRepository
        + EgressRepository
        + EventRepository
        + DeliveryRepository
        + AuditRepository
        + Health
{
}

/// What `readyz` and `version` tell about storage.
#[async_trait::async_trait]
pub trait Health: Send + Sync {
    /// Asks the database for a trivial answer, within 2 s.
    async fn ping(&self) -> Result<(), StoreError>;

    /// `sqlite` or `postgres`.
    fn database(&self) -> &'static str;

    /// The number of the newest migration.
    fn schema(&self) -> i64;
}

/// Why storage did not do what it was asked. None of these is the caller's fault.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or does not answer in time.
    #[error("the database does not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database ended it because others were changing the same, and each would have waited for the other. Nothing of it
    /// has taken effect, and it may well succeed now.
    #[error("others changed the same at that moment")]
    Contended(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The disk is full.
    #[error("the database has no space left")]
    Full(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A statement failed in a way that is a fault of PiCloud.
    #[error("the database refused a statement")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Who makes the change may not, or not any more: their role was taken after they asked.
    #[error("whoever makes the change may not `{}` there", .capability.as_str())]
    NotAllowed {
        /// What they would have to be allowed.
        capability: Capability,
        /// Whether they may not even see where.
        is_hidden: bool,
    },
    /// Scripts would be told of the change that were told of others before, again and again.
    #[error(
        "{} events and calls led to this change of the app, of which another script would be told, so it is taken for a loop",
        crate::events::DEPTH_MAX
    )]
    LoopDetected,
    /// A stored value cannot be read.
    #[error("the database holds a value that cannot be read: {0}")]
    Corrupt(String),
    /// What is sealed in the database cannot be opened, or nothing can be sealed, for want of the right key.
    #[error("the secret key cannot be used")]
    SecretKey(#[source] Box<dyn std::error::Error + Send + Sync>),
}
