//! Takes events and keeps none.

use async_trait::async_trait;
use bytes::Bytes;
use picloud_shared::{
    events::{
        Chain, Claim, Claimed, Delivery, DeliveryDetail, DeliveryFilter, EventRetention, Failure, Held,
        IdempotencyKey, NewEvent, Published, PublishedEvent, QueueDepth,
    },
    id::{AppId, DeliveryId},
    page::{Page, PageRequest},
    repository::{EventRepository, PublishError, StoreError},
    time::Timestamp,
};
use uuid::Uuid;

/// Takes events and keeps none.
pub(super) struct NoEvents;

#[async_trait]
impl EventRepository for NoEvents {
    async fn publish(
        &self,
        _app: AppId,
        events: Vec<NewEvent>,
        _idempotency: Option<IdempotencyKey>,
        _now: Timestamp,
    ) -> Result<Published, PublishError> {
        let published = events.iter().map(|event| PublishedEvent {
            event: event.id,
            deliveries: event.deliveries.iter().map(|delivery| delivery.id).collect(),
        });
        let published = Published {
            events: published.collect(),
            is_repeated: false,
        };
        Ok(published)
    }

    async fn claim(&self, _claim: Claim, _now: Timestamp) -> Result<Claimed, StoreError> {
        Ok(Claimed {
            leased: Vec::new(),
            next_due: None,
            has_more: false,
        })
    }

    async fn extend(&self, _held: Vec<Held>, _until: Timestamp) -> Result<Vec<Held>, StoreError> {
        Ok(Vec::new())
    }

    async fn begin(&self, _held: Held) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn fail(&self, _held: Held, _failure: Failure, _now: Timestamp) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn release(&self, _held: Vec<Held>, _due_at: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }

    async fn recover(&self, _node: &str, _now: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn hint(&self) {
        std::future::pending::<()>().await;
    }

    async fn list_deliveries(
        &self,
        _app: AppId,
        _filter: &DeliveryFilter,
        _page: PageRequest,
    ) -> Result<Page<Delivery>, StoreError> {
        Ok(Page {
            items: Vec::new(),
            next: None,
        })
    }

    async fn find_delivery(
        &self,
        _app: AppId,
        _delivery: DeliveryId,
    ) -> Result<Option<DeliveryDetail>, StoreError> {
        Ok(None)
    }

    async fn cancel_delivery(
        &self,
        _app: AppId,
        _delivery: DeliveryId,
        _now: Timestamp,
    ) -> Result<Option<(Delivery, bool)>, StoreError> {
        Ok(None)
    }

    async fn redrive_delivery(
        &self,
        _app: AppId,
        _delivery: DeliveryId,
        _data: Option<Bytes>,
        _now: Timestamp,
    ) -> Result<Option<(Delivery, bool)>, PublishError> {
        Ok(None)
    }

    async fn redrive_deliveries(
        &self,
        _app: AppId,
        _filter: &DeliveryFilter,
        _limit: u32,
        _now: Timestamp,
    ) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn delete_deliveries(&self, _app: AppId, _filter: &DeliveryFilter) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn queue_depths(&self, _app: AppId) -> Result<Vec<QueueDepth>, StoreError> {
        Ok(Vec::new())
    }

    async fn find_chain(&self, _app: AppId, _root: Uuid, _limit: u32) -> Result<Chain, StoreError> {
        Ok(Chain::default())
    }

    async fn purge_deliveries(&self, _retention: EventRetention, _now: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }
}
