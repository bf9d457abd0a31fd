//! Storage of the brokers of apps, and of the messages that wait for them.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;

use super::StoreError;
use crate::{
    change::Change,
    id::{AppId, BrokerId},
    mqtt::{Broker, BrokerName, BrokerSettings, SignIn, Subscribed, WaitingMessage},
    secret::SecretText,
};

/// Storage of the brokers of apps, for people. None of it gives a password back: see [`BrokerConnections`].
#[async_trait]
pub trait BrokerRepository: Send + Sync {
    /// The brokers of an app, by name.
    async fn list_brokers(&self, app: AppId) -> Result<Vec<Broker>, StoreError>;

    /// One of them.
    async fn find_broker(&self, app: AppId, name: &BrokerName) -> Result<Option<Broker>, StoreError>;

    /// Sets a broker: a new one, or other settings for one that is there. Without a password the one that is there stays,
    /// as long as it goes to the same place for the same name: it must not be sent elsewhere by somebody who does not know
    /// it.
    async fn put_broker(
        &self,
        app: AppId,
        name: &BrokerName,
        settings: &BrokerSettings,
        password: Option<&SecretText>,
        change: &Change,
    ) -> Result<Broker, PutBrokerError>;

    /// Deletes a broker, and the messages that wait for it; `false` if there is none.
    async fn delete_broker(&self, app: AppId, name: &BrokerName, change: &Change)
    -> Result<bool, StoreError>;
}

/// What those need who hold connections to brokers.
#[async_trait]
pub trait BrokerConnections: Send + Sync {
    /// All brokers of all apps.
    async fn all_brokers(&self) -> Result<Vec<Broker>, StoreError>;

    /// Who signs in to a broker, as it was set with this revision; nobody does while another process has it leased.
    async fn broker_credentials(&self, broker: BrokerId, revision: u32) -> Result<SignIn, StoreError>;

    /// Whether other nodes may use the same storage: then a broker is leased before it is connected to. Where they may not,
    /// every lease is had.
    fn is_shared_by_nodes(&self) -> bool;

    /// Leases a broker to this process, or extends the lease that it has, from now on. `false` if another process has it: one
    /// that lives, as far as the storage knows, and whose time is not up.
    async fn lease_broker(&self, broker: BrokerId, lasts: Duration) -> Result<bool, StoreError>;

    /// Gives a lease back.
    async fn release_broker(&self, broker: BrokerId) -> Result<(), StoreError>;

    /// Notes what the session at a broker has subscribed to.
    async fn set_subscribed(&self, broker: BrokerId, subscribed: &[Subscribed]) -> Result<(), StoreError>;

    /// The first messages that wait for a broker.
    async fn waiting_messages(&self, broker: BrokerId, limit: u32)
    -> Result<Vec<WaitingMessage>, StoreError>;

    /// Deletes messages that were sent, or cannot be.
    async fn delete_messages(&self, broker: BrokerId, numbers: &[i64]) -> Result<(), StoreError>;

    /// Waits until messages may have come to wait for a broker, or another node may have changed one. What happens while
    /// nobody waits is not forgotten.
    async fn brokers_hint(&self) -> BrokersHint;
}

/// What those are told who hold connections to brokers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokersHint {
    /// Messages may have come to wait for brokers of these apps.
    Messages(BTreeSet<AppId>),
    /// Anything may have happened: another node has changed a broker or given one back, or was not heard for a while.
    Anything,
}

impl BrokersHint {
    /// Whether messages may wait for a broker of an app.
    pub fn is_for(&self, app: AppId) -> bool {
        match self {
            Self::Messages(apps) => apps.contains(&app),
            Self::Anything => true,
        }
    }
}

/// Why a broker was not set.
#[derive(Debug, thiserror::Error)]
pub enum PutBrokerError {
    /// There was a password, and it would go elsewhere.
    #[error("the password has to be given")]
    PasswordNeeded,
    /// The app has as many as it may have.
    #[error("the app has as many brokers as it may")]
    TooMany,
    /// The app is gone.
    #[error("the app is gone")]
    NoApp,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
