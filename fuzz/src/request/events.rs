//! Takes events and keeps none.

use async_trait::async_trait;
use picloud_shared::{
    events::{
        Claim, Claimed, EventRetention, Failure, Held, IdempotencyKey, NewEvent, Published, PublishedEvent,
    },
    id::AppId,
    repository::{EventRepository, PublishError, StoreError},
    time::Timestamp,
};

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
            set_aside: 0,
            leaves_strays: false,
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

    async fn expired_leases(&self, _node: &str, _now: Timestamp) -> Result<Vec<Held>, StoreError> {
        Ok(Vec::new())
    }

    async fn hint(&self) {
        std::future::pending::<()>().await;
    }

    async fn purge_deliveries(&self, _retention: EventRetention, _now: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn deliveries_kept_until(
        &self,
        _retention: EventRetention,
    ) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }
}
