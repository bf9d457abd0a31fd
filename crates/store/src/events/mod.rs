//! Events and their deliveries: what both databases share.
//!
//! What happens for each event differs so much that each database has it in files of its own (`sqlite/events/`,
//! `postgres/events/`): on SQLite it is done by the thread that writes the commits of runs, with one flush for all that
//! wait; on PostgreSQL each is one call. What people ask for is here.

pub(crate) mod chain;
mod clock;
pub(crate) mod idempotency;
pub(crate) mod leases;
pub(crate) mod list;
pub(crate) mod manage;
pub(crate) mod order;
pub(crate) mod purge;
pub(crate) mod release;
pub(crate) mod rows;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use picloud_shared::{
    events::{
        Chain, Claim, Claimed, DeadReason, Delivery, DeliveryDetail, DeliveryFilter, EventRetention, Failure,
        Held, IdempotencyKey, NewEvent, Next, Published, QueueDepth,
    },
    id::{AppId, DeliveryId},
    page::{Page, PageRequest},
    repository::{DeliveryRepository, EventRepository, PublishError, StoreError},
    time::Timestamp,
};
use uuid::Uuid;

pub(crate) use self::clock::{ALL, LatestMoment};
use crate::{Store, db::Db, sqlite};

/// When it may help to publish again what was refused because too much waits.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What the error of a delivery says if too much waits for all to be told of it who want to.
pub(crate) const NOT_TOLD: &str =
    " (who subscribes was not told of it: as many events of the app wait as may)";

/// What is published with the failure of a delivery: what no bound refuses, and all else.
pub(crate) fn of_failure(failure: &Failure) -> (Vec<NewEvent>, Vec<NewEvent>) {
    let emits = failure.emits.iter().cloned();
    emits.partition(NewEvent::is_for_a_destination)
}

/// What becomes of a delivery that was leased and cannot be read: others do not wait for it.
pub(crate) fn unreadable(held: Held, error: &str) -> Failure {
    tracing::error!(
        error,
        app.id = %held.app_id,
        delivery.id = %held.delivery,
        "an event that cannot be read is set aside"
    );
    Failure {
        execution: None,
        error: format!("it cannot be read: {error}"),
        is_fault: true,
        next: Next::Dead(DeadReason::Unreadable),
        emits: Vec::new(),
    }
}

/// Notes that somebody is not told of the failure of a delivery.
pub(crate) fn warn_not_told(held: Held) {
    tracing::warn!(
        app.id = %held.app_id,
        delivery.id = %held.delivery,
        "who subscribes is not told of an event that failed: as many events of the app wait as may"
    );
}

/// Why events were not accepted. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The app has as much waiting as it may.
    Full,
    /// The idempotency key was used for something else.
    KeyReused,
    /// The app is gone.
    NoApp,
}

impl From<Refused> for PublishError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Full => Self::QueueFull {
                retry_after: RETRY_AFTER,
            },
            Refused::KeyReused => Self::KeyReused,
            Refused::NoApp => Self::NoApp,
        }
    }
}

#[async_trait]
impl EventRepository for Store {
    async fn publish(
        &self,
        app: AppId,
        events: Vec<NewEvent>,
        idempotency: Option<IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Published, PublishError> {
        let published = match &self.db {
            Db::Sqlite(db) => sqlite::events::publish_alone(&db.kv, app, events, idempotency, now).await?,
            Db::Postgres(db) => db.publish(app, &events, idempotency.as_ref(), now).await?,
        };
        published.map_err(PublishError::from)
    }

    async fn claim(&self, claim: Claim, now: Timestamp) -> Result<Claimed, StoreError> {
        self.latest.look_back(&self.db, now).await?;
        match &self.db {
            Db::Sqlite(db) => sqlite::events::claim(&db.kv, claim, now).await,
            Db::Postgres(db) => db.claim(&claim, now).await,
        }
    }

    async fn extend(&self, held: Vec<Held>, until: Timestamp) -> Result<Vec<Held>, StoreError> {
        match &self.db {
            Db::Sqlite(db) => sqlite::events::extend(&db.kv, held, until).await,
            Db::Postgres(db) => db.extend(held, until).await,
        }
    }

    async fn begin(&self, held: Held) -> Result<bool, StoreError> {
        match &self.db {
            Db::Sqlite(db) => sqlite::events::begin(&db.kv, held).await,
            Db::Postgres(db) => db.begin(held).await,
        }
    }

    async fn fail(&self, held: Held, failure: Failure, now: Timestamp) -> Result<bool, StoreError> {
        match &self.db {
            Db::Sqlite(db) => sqlite::events::fail(&db.kv, held, failure, now).await,
            Db::Postgres(db) => db.fail(held, &failure, now).await,
        }
    }

    async fn release(&self, held: Vec<Held>, due_at: Timestamp) -> Result<(), StoreError> {
        match &self.db {
            Db::Sqlite(db) => sqlite::events::release(&db.kv, held, due_at).await,
            Db::Postgres(db) => db.release(&held, due_at).await,
        }
    }

    async fn expired_leases(&self, node: &str, now: Timestamp) -> Result<Vec<Held>, StoreError> {
        leases::expired(&self.db, node, now).await
    }

    async fn recover(&self, node: &str, now: Timestamp) -> Result<u64, StoreError> {
        self.latest.begin(&self.db, now).await?;
        match &self.db {
            Db::Sqlite(db) => sqlite::events::recover(&db.kv, node.to_owned(), now).await,
            Db::Postgres(db) => db.recover(node, now).await,
        }
    }

    fn is_shared(&self) -> bool {
        matches!(self.db, Db::Postgres(_))
    }

    async fn hint(&self) {
        match &self.db {
            Db::Sqlite(_) => std::future::pending().await,
            Db::Postgres(db) => loop {
                let told = db.hint().await;
                if let Some(hint) = told.brokers {
                    self.broker_hints.tell(hint);
                }
                if told.events {
                    return;
                }
            },
        }
    }

    async fn purge_deliveries(&self, retention: EventRetention, now: Timestamp) -> Result<u64, StoreError> {
        purge::purge(&self.db, retention, now).await
    }

    async fn deliveries_kept_until(
        &self,
        retention: EventRetention,
    ) -> Result<Option<Timestamp>, StoreError> {
        purge::kept_until(&self.db, retention).await
    }
}

#[async_trait]
impl DeliveryRepository for Store {
    async fn list_deliveries(
        &self,
        app: AppId,
        filter: &DeliveryFilter,
        page: PageRequest,
    ) -> Result<Page<Delivery>, StoreError> {
        list::list(&self.db, app, filter, page).await
    }

    async fn find_delivery(
        &self,
        app: AppId,
        delivery: DeliveryId,
    ) -> Result<Option<DeliveryDetail>, StoreError> {
        list::find(&self.db, app, delivery).await
    }

    async fn cancel_delivery(
        &self,
        app: AppId,
        delivery: DeliveryId,
        now: Timestamp,
    ) -> Result<Option<(Delivery, bool)>, StoreError> {
        manage::cancel(&self.db, app, delivery, now).await
    }

    async fn redrive_delivery(
        &self,
        app: AppId,
        delivery: DeliveryId,
        data: Option<Bytes>,
        depth: u8,
        now: Timestamp,
    ) -> Result<Option<(Delivery, bool)>, PublishError> {
        manage::redrive(&self.db, app, delivery, data.as_deref(), depth, now).await
    }

    async fn redrive_deliveries(
        &self,
        app: AppId,
        filter: &DeliveryFilter,
        limit: u32,
        depth: u8,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        manage::redrive_all(&self.db, app, filter, limit, depth, now).await
    }

    async fn delete_deliveries(&self, app: AppId, filter: &DeliveryFilter) -> Result<u64, StoreError> {
        manage::delete(&self.db, app, filter).await
    }

    async fn queue_depths(&self, app: AppId) -> Result<Vec<QueueDepth>, StoreError> {
        list::depths(&self.db, app).await
    }

    async fn find_chain(&self, app: AppId, root: Uuid, limit: u32) -> Result<Chain, StoreError> {
        chain::find(&self.db, app, root, limit).await
    }
}
