//! Deliveries that run one after the other: those of one subscription and one key.

use picloud_shared::{
    id::{AppId, DeliveryId},
    repository::StoreError,
};
use uuid::Uuid;

use crate::{
    db::{Transaction, bounded},
    error::store_error,
    postgres::lock,
    statements::statements,
    value::args,
};

statements! {
    FIND_ORDER = "SELECT origin_id, event_key, place FROM deliveries WHERE app_id = $1 AND id = $2";
    LAST_PLACE_IN_ORDER = "SELECT MAX(place) AS place FROM deliveries WHERE app_id = $1 AND origin_id = $2 AND event_key = $3 \
        AND place IS NOT NULL AND state IN ('waiting', 'behind', 'running')";
    LET_NEXT_RUN = "UPDATE deliveries SET state = 'waiting' WHERE app_id = $1 AND state = 'behind' AND id = ( \
        SELECT id FROM deliveries WHERE app_id = $1 AND origin_id = $2 AND event_key = $3 AND place IS NOT NULL \
        AND state IN ('waiting', 'behind', 'running') ORDER BY place LIMIT 1)";
}

/// Where a delivery stands in an order. While this is there, nobody else changes that order.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Order {
    origin_id: Option<Uuid>,
    event_key: Option<String>,
    place: Option<i64>,
}

impl Order {
    /// Locks the orders of all of these to the end of the transaction. Whoever needs several has to begin with this: two who
    /// lock them as they come could wait for each other.
    pub(super) async fn lock_all(
        transaction: &mut Transaction,
        app: AppId,
        deliveries: Vec<Uuid>,
    ) -> Result<(), StoreError> {
        if let Transaction::Postgres(transaction) = transaction {
            let locked = sqlx::query(lock::ORDERS).bind(app.0).bind(deliveries);
            bounded(locked.execute(&mut **transaction))
                .await
                .map_err(store_error)?;
        }
        Ok(())
    }

    /// The order in which a delivery stands, locked to the end of the transaction. It never gets into another one.
    pub(super) async fn lock(
        transaction: &mut Transaction,
        app: AppId,
        delivery: DeliveryId,
    ) -> Result<Option<Self>, StoreError> {
        let found: Option<Self> = transaction
            .fetch_optional(FIND_ORDER, args![app, delivery])
            .await?;
        if let Some(order) = &found
            && order.place.is_some()
            && let Transaction::Postgres(_) = transaction
        {
            let name = args![app, order.origin_id, order.event_key.as_deref()];
            transaction.execute(lock::ORDER, name).await?;
        }
        Ok(found)
    }

    /// The place at its end, and whether there is somebody before it; nothing if the delivery is not ordered.
    pub(super) async fn last_place(
        &self,
        transaction: &mut Transaction,
        app: AppId,
    ) -> Result<Option<(i64, bool)>, StoreError> {
        if self.place.is_none() {
            return Ok(None);
        }
        let name = args![app, self.origin_id, self.event_key.as_deref()];
        let last: Option<(Option<i64>,)> = transaction.fetch_optional(LAST_PLACE_IN_ORDER, name).await?;
        let last = last.and_then(|(place,)| place);
        Ok(Some((last.unwrap_or(0) + 1, last.is_some())))
    }

    /// Lets the first one run, after one has ended.
    pub(super) async fn go_on(&self, transaction: &mut Transaction, app: AppId) -> Result<(), StoreError> {
        if self.place.is_some() {
            let name = args![app, self.origin_id, self.event_key.as_deref()];
            transaction.execute(LET_NEXT_RUN, name).await?;
        }
        Ok(())
    }
}
