//! Storage of events, for whoever publishes them and runs scripts for them.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::{
    events::{Claim, Claimed, EventRetention, Failure, Held, IdempotencyKey, NewEvent, Published},
    id::AppId,
    time::Timestamp,
};

/// Storage of events, and of the leases on their deliveries. What it only counts, others decide on: no function here
/// sets a delivery aside that is not told to.
#[async_trait]
pub trait EventRepository: Send + Sync {
    /// Accepts events, all or none. They are on disk when it returns. With an idempotency key that is known, nothing is
    /// accepted a second time, and the ids of the first time come back.
    async fn publish(
        &self,
        app: AppId,
        events: Vec<NewEvent>,
        idempotency: Option<IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Published, PublishError>;

    /// Leases deliveries that are due, or whose lease another node has let run out (an abort). Each app gets its share:
    /// one of each first, then the second of each, and so on.
    async fn claim(&self, claim: Claim, now: Timestamp) -> Result<Claimed, StoreError>;

    /// Extends leases; tells which are lost.
    async fn extend(&self, held: Vec<Held>, until: Timestamp) -> Result<Vec<Held>, StoreError>;

    /// Notes that the run of a delivery begins that was aborted before; `false` if the lease was lost. From the second
    /// abort on only what had begun is counted.
    async fn begin(&self, held: Held) -> Result<bool, StoreError>;

    /// Ends a lease because a run did not go well; `false` if it was lost: then nothing changes.
    async fn fail(&self, held: Held, failure: Failure, now: Timestamp) -> Result<bool, StoreError>;

    /// Ends leases as if they had never been; deliveries are due again at `due_at`. Those that are lost are left out.
    async fn release(&self, held: Vec<Held>, due_at: Timestamp) -> Result<(), StoreError>;

    /// The leases of a node that have run out, for it to find those that it does not know of: the answer to a claim may be
    /// lost.
    async fn expired_leases(&self, node: &str, now: Timestamp) -> Result<Vec<Held>, StoreError>;

    /// Takes back all leases of a node that ended without a word; each counts as an abort, unless it is known that the
    /// run had not [begun](Self::begin). To be called at its start,
    /// before it claims. Tells how many there were.
    async fn recover(&self, node: &str, now: Timestamp) -> Result<u64, StoreError>;

    /// Whether other nodes may use the same storage.
    fn is_shared(&self) -> bool {
        true
    }

    /// Waits until another node may have made something due. On SQLite there is no other node, and it waits for ever.
    async fn hint(&self);

    /// Deletes what is beyond the bounds, and what belongs to apps that are gone; tells how many deliveries went. Keys of
    /// what was published, and rows of ledgers, go with them when they are too old.
    async fn purge_deliveries(&self, retention: EventRetention, now: Timestamp) -> Result<u64, StoreError>;

    /// Up to when nothing of that which is there is too old; none if nothing is there. What has not ended does not count.
    async fn deliveries_kept_until(&self, retention: EventRetention)
    -> Result<Option<Timestamp>, StoreError>;
}

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The app has as many deliveries waiting as it may have, or as many bytes of them.
    #[error("as many events of the app wait as may")]
    QueueFull {
        /// When trying again may help.
        retry_after: Duration,
    },
    /// The idempotency key was used for something else.
    #[error("the idempotency key was used for something else")]
    KeyReused,
    /// The app is gone.
    #[error("the app is gone")]
    NoApp,
    /// Storage failed. Whether it has taken effect may not be known; with an idempotency key it is safe to try again.
    #[error(transparent)]
    Store(#[from] StoreError),
}
