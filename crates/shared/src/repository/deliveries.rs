//! Storage of deliveries, for people.

use async_trait::async_trait;
use bytes::Bytes;
use uuid::Uuid;

use super::{PublishError, StoreError};
use crate::{
    events::{Chain, Delivery, DeliveryDetail, DeliveryFilter, QueueDepth},
    id::{AppId, DeliveryId},
    page::{Page, PageRequest},
    time::Timestamp,
};

/// Storage of deliveries, for people: what became of them, and what is done with them then. Those that wait are leased
/// by [`EventRepository`](super::EventRepository).
#[async_trait]
pub trait DeliveryRepository: Send + Sync {
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
    /// event in place of the old one, with that data. `depth` runs led to this: its event is as deep in its chain from now
    /// on, if it was not deeper. Gives the delivery as it is then, and whether this call has done it; none if the app has no
    /// such delivery.
    async fn redrive_delivery(
        &self,
        app: AppId,
        delivery: DeliveryId,
        data: Option<Bytes>,
        depth: u8,
        now: Timestamp,
    ) -> Result<Option<(Delivery, bool)>, PublishError>;

    /// The same for all dead deliveries that fit, the oldest first, up to `limit` and to what the app may have waiting;
    /// `state` of the filter does not count. Tells how many there were, also if storage fails after some of them.
    async fn redrive_deliveries(
        &self,
        app: AppId,
        filter: &DeliveryFilter,
        limit: u32,
        depth: u8,
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
}
