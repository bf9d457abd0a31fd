//! Storage of events and their deliveries.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use uuid::Uuid;

use super::StoreError;
use crate::{
    events::{
        Chain, Claim, Claimed, Delivery, DeliveryDetail, DeliveryFilter, EventRetention, Failure, Held,
        IdempotencyKey, NewEvent, Published, QueueDepth,
    },
    id::{AppId, DeliveryId},
    page::{Page, PageRequest},
    time::Timestamp,
};

/// Storage of events and their deliveries. What it only counts, others decide on: no function here sets a delivery
/// aside that is not told to.
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

    /// Lists an app's deliveries, newest first.
    async fn list_deliveries(
        &self,
        app: AppId,
        filter: &DeliveryFilter,
        page: PageRequest,
    ) -> Result<Page<Delivery>, StoreError>;

    /// Finds a delivery, with all that is known of it.
    async fn find_delivery(
        &self,
        app: AppId,
        delivery: DeliveryId,
    ) -> Result<Option<DeliveryDetail>, StoreError>;

    /// Cancels a delivery that waits or runs. A run that is under way cannot commit any more. Gives the delivery as it
    /// is then, and whether this call has cancelled it; none if the app has no such delivery.
    async fn cancel_delivery(
        &self,
        app: AppId,
        delivery: DeliveryId,
        now: Timestamp,
    ) -> Result<Option<(Delivery, bool)>, StoreError>;

    /// Gives a dead delivery another chance: it waits again, as if it had just been accepted. With `data` there is a new
    /// event in place of the old one, with that data. Gives the delivery as it is then, and whether this call has done
    /// it; none if the app has no such delivery.
    async fn redrive_delivery(
        &self,
        app: AppId,
        delivery: DeliveryId,
        data: Option<Bytes>,
        now: Timestamp,
    ) -> Result<Option<(Delivery, bool)>, PublishError>;

    /// The same for all dead deliveries that fit, the oldest first, up to `limit` and to what the app may have waiting;
    /// `state` of the filter does not count. Tells how many there were.
    async fn redrive_deliveries(
        &self,
        app: AppId,
        filter: &DeliveryFilter,
        limit: u32,
        now: Timestamp,
    ) -> Result<u64, StoreError>;

    /// Deletes deliveries that have ended and fit: those that are dead, unless the filter names another state. Tells how
    /// many there were.
    async fn delete_deliveries(&self, app: AppId, filter: &DeliveryFilter) -> Result<u64, StoreError>;

    /// What waits, runs and is dead in an app, by script and topic.
    async fn queue_depths(&self, app: AppId) -> Result<Vec<QueueDepth>, StoreError>;

    /// What is kept of all that followed from the run or the event `root`, the oldest first: at most `limit` deliveries
    /// and as many runs. A run for several events is there if one of them is.
    async fn find_chain(&self, app: AppId, root: Uuid, limit: u32) -> Result<Chain, StoreError>;

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
