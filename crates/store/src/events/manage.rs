//! What people do with deliveries: they cancel them, give them another chance, and delete them.

use picloud_shared::{
    events::{Delivery, DeliveryFilter, DeliveryState, WAITING_BYTES_PER_APP_MAX, WAITING_PER_APP_MAX},
    id::{AppId, DeliveryId, EventId},
    repository::{PublishError, StoreError},
    time::Timestamp,
};
use uuid::Uuid;

use super::{
    Refused,
    list::{look_at, wanted},
    order::Order,
};
use crate::{
    db::{Db, Transaction},
    postgres::events::TRIES_MAX,
    statements::statements,
    value::{Value, args},
};

/// Deliveries that one transaction changes.
const BATCH_ROWS: u32 = 200;

statements! {
    CANCEL = "UPDATE deliveries SET state = 'cancelled', node = NULL, lease_until = NULL, ended_at = $3 \
        WHERE app_id = $1 AND id = $2 AND state IN ('waiting', 'behind', 'running')";
    WAITING_IN_APP = "SELECT CAST(COALESCE(SUM(q.count), 0) AS BIGINT) AS count, \
        CAST(COALESCE(SUM(q.bytes), 0) AS BIGINT) AS bytes FROM app_queues q WHERE q.app_id = $1";
    /// Keeps others from giving it another chance meanwhile.
    HOLD_DEAD = "UPDATE deliveries SET redrives = redrives WHERE app_id = $1 AND id = $2 AND state = 'dead'";
    REDRIVE = "UPDATE deliveries SET state = $3, place = $4, since = $5, due_at = $5, attempts = 0, faults = 0, \
        aborts = 0, redrives = redrives + 1, ended_at = NULL, reason = NULL, error = NULL \
        WHERE app_id = $1 AND id = $2 AND state = 'dead'";
    // Twice the same but for the data, so that an event never changes.
    COPY_EVENT = "INSERT INTO events (deliveries, source, subject, happened_at, extensions, content_type, root_id, \
        cause_id, depth, request, data) \
        SELECT 1, e.source, e.subject, e.happened_at, e.extensions, e.content_type, e.root_id, e.cause_id, e.depth, \
        e.request, $3 FROM events e JOIN deliveries d ON d.event = e.number \
        WHERE d.app_id = $1 AND d.id = $2 AND d.state = 'dead' RETURNING number";
    // The same again, for one that is asked for at a deeper place of a chain.
    COPY_EVENT_DEEPER = "INSERT INTO events (deliveries, source, subject, happened_at, extensions, content_type, root_id, \
        cause_id, depth, request, data) \
        SELECT 1, e.source, e.subject, e.happened_at, e.extensions, e.content_type, e.root_id, e.cause_id, \
        CAST($3 AS BIGINT), e.request, e.data FROM events e JOIN deliveries d ON d.event = e.number \
        WHERE d.app_id = $1 AND d.id = $2 AND d.state = 'dead' AND e.depth < $3 RETURNING number";
    EVENT_OF = "SELECT d.event, d.bytes, CAST(octet_length(e.data) AS BIGINT) AS data_bytes \
        FROM deliveries d JOIN events e ON e.number = d.event WHERE d.app_id = $1 AND d.id = $2 AND d.state = 'dead'";
    SET_EVENT = "UPDATE deliveries SET event = $3, event_id = $4, bytes = $5 \
        WHERE app_id = $1 AND id = $2 AND state = 'dead'";
    SET_COPY = "UPDATE deliveries SET event = $3 WHERE app_id = $1 AND id = $2 AND state = 'dead'";
    LET_EVENT_GO = "UPDATE events SET deliveries = deliveries - 1 WHERE number = $1";
    DROP_EVENT = "DELETE FROM events WHERE number = $1 AND deliveries = 0";
    DEAD_DELIVERIES = "SELECT d.id FROM deliveries d WHERE d.app_id = $1 AND d.state = 'dead' AND d.id > $2 \
        AND (d.script_id = $3 OR $3 IS NULL) AND (CAST($4 AS TEXT) IS NULL OR d.topic = $4) \
        AND (CAST($5 AS TEXT) IS NULL OR d.origin = $5) ORDER BY d.id LIMIT $6";
    DELETE_DELIVERIES = "DELETE FROM deliveries WHERE app_id = $1 AND state = $2 AND id IN ( \
        SELECT d.id FROM deliveries d WHERE d.app_id = $1 AND d.state = $2 \
        AND (d.script_id = $3 OR $3 IS NULL) AND (CAST($4 AS TEXT) IS NULL OR d.topic = $4) \
        AND (CAST($5 AS TEXT) IS NULL OR d.origin = $5) ORDER BY d.id LIMIT $6)";
}

pub(super) async fn cancel(
    db: &Db,
    app: AppId,
    delivery: DeliveryId,
    now: Timestamp,
) -> Result<Option<(Delivery, bool)>, StoreError> {
    let mut transaction = db.write().await?;
    let Some(order) = Order::lock(&mut transaction, app, delivery).await? else {
        return Ok(None);
    };
    let cancelled = transaction.execute(CANCEL, args![app, delivery, now]).await? == 1;
    if cancelled {
        order.go_on(&mut transaction, app).await?;
    }
    let found = look_at(&mut transaction, app, delivery).await?;
    transaction.commit().await?;
    Ok(found.map(|delivery| (delivery, cancelled)))
}

pub(super) async fn redrive(
    db: &Db,
    app: AppId,
    delivery: DeliveryId,
    data: Option<&[u8]>,
    depth: u8,
    now: Timestamp,
) -> Result<Option<(Delivery, bool)>, PublishError> {
    let mut transaction = db.write().await?;
    let Some(order) = Order::lock(&mut transaction, app, delivery).await? else {
        return Ok(None);
    };
    if let Some(data) = data {
        replace_event(&mut transaction, app, delivery, data, now).await?;
    }
    deepen_event(&mut transaction, app, delivery, depth).await?;
    let redriven = redrive_one(&mut transaction, app, delivery, &order, now).await?;
    if redriven && is_overfull(&mut transaction, app).await? {
        return Err(Refused::Full.into());
    }
    let found = look_at(&mut transaction, app, delivery).await?;
    transaction.commit().await?;
    Ok(found.map(|delivery| (delivery, redriven)))
}

async fn redrive_one(
    transaction: &mut Transaction,
    app: AppId,
    delivery: DeliveryId,
    order: &Order,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (place, is_behind) = match order.last_place(transaction, app).await? {
        Some((place, is_behind)) => (Some(place), is_behind),
        None => (None, false),
    };
    let state = if is_behind { "behind" } else { "waiting" };
    let done = transaction.execute(REDRIVE, args![app, delivery, state, place, now]);
    Ok(done.await? == 1)
}

/// Whether the app has more waiting than it may.
async fn is_overfull(transaction: &mut Transaction, app: AppId) -> Result<bool, StoreError> {
    let waiting: Option<(i64, i64)> = transaction.fetch_optional(WAITING_IN_APP, args![app]).await?;
    Ok(waiting.is_some_and(|(count, bytes)| {
        let is_more = |value: i64, max: u64| u64::try_from(value).is_ok_and(|value| value > max);
        is_more(count, WAITING_PER_APP_MAX) || is_more(bytes, WAITING_BYTES_PER_APP_MAX)
    }))
}

/// Puts an event with other data in place of that of a dead delivery. Nothing happens if it is not dead.
async fn replace_event(
    transaction: &mut Transaction,
    app: AppId,
    delivery: DeliveryId,
    data: &[u8],
    now: Timestamp,
) -> Result<(), StoreError> {
    if transaction.execute(HOLD_DEAD, args![app, delivery]).await? == 0 {
        return Ok(());
    }
    let before: Option<(i64, i64, i64)> = transaction.fetch_optional(EVENT_OF, args![app, delivery]).await?;
    let copied: Option<(i64,)> = transaction
        .fetch_optional(COPY_EVENT, args![app, delivery, data])
        .await?;
    let (Some((old, bytes, data_bytes)), Some((new,))) = (before, copied) else {
        return Ok(());
    };
    let bytes = bytes - data_bytes + i64::try_from(data.len()).unwrap_or(i64::MAX);
    let event = args![app, delivery, new, EventId::new(now).0, bytes];
    transaction.execute(SET_EVENT, event).await?;
    let_go(transaction, old).await
}

/// Puts the event of a dead delivery deeper into its chain, if it is not there: what a run gives another chance has followed
/// from that run. Nothing happens if it is not dead.
async fn deepen_event(
    transaction: &mut Transaction,
    app: AppId,
    delivery: DeliveryId,
    depth: u8,
) -> Result<(), StoreError> {
    // Whoever is no script asks at none.
    if depth == 0 || transaction.execute(HOLD_DEAD, args![app, delivery]).await? == 0 {
        return Ok(());
    }
    let before: Option<(i64, i64, i64)> = transaction.fetch_optional(EVENT_OF, args![app, delivery]).await?;
    let copied: Option<(i64,)> = transaction
        .fetch_optional(COPY_EVENT_DEEPER, args![app, delivery, i64::from(depth)])
        .await?;
    let (Some((old, ..)), Some((new,))) = (before, copied) else {
        return Ok(());
    };
    transaction.execute(SET_COPY, args![app, delivery, new]).await?;
    let_go(transaction, old).await
}

/// Takes a delivery from an event, which is there as long as it has others. It is counted first: that waits for others who
/// take one from it at the same moment, and whoever takes the last one knows it.
async fn let_go(transaction: &mut Transaction, event: i64) -> Result<(), StoreError> {
    transaction.execute(LET_EVENT_GO, args![event]).await?;
    transaction.execute(DROP_EVENT, args![event]).await?;
    Ok(())
}

/// Gives many another chance, some of them in each transaction.
pub(super) async fn redrive_all(
    db: &Db,
    app: AppId,
    filter: &DeliveryFilter,
    limit: u32,
    depth: u8,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut redriven = 0;
    let done = redrive_batches(db, app, filter, limit, depth, now, &mut redriven).await;
    match done {
        // Those before stay, and whoever asked is told of them.
        Err(error) if redriven > 0 => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                redriven,
                "not all dead deliveries were given another chance"
            );
        }
        done => done?,
    }
    Ok(redriven)
}

/// Counts them as it goes.
async fn redrive_batches(
    db: &Db,
    app: AppId,
    filter: &DeliveryFilter,
    limit: u32,
    depth: u8,
    now: Timestamp,
    redriven: &mut u64,
) -> Result<(), StoreError> {
    let mut after = Uuid::nil();
    while *redriven < u64::from(limit) {
        let left = u64::from(limit) - *redriven;
        let mut args = args![app, after];
        args.extend(wanted(filter));
        args.push(Value::from(left.min(BATCH_ROWS.into())));
        let batch: Vec<(Uuid,)> = db.fetch_all(DEAD_DELIVERIES, args).await?;
        let batch: Vec<Uuid> = batch.into_iter().map(|(delivery,)| delivery).collect();
        let Some(last) = batch.last() else {
            break;
        };
        after = *last;
        let mut tries = 0;
        let of_batch = loop {
            tries += 1;
            match redrive_batch(db, app, &batch, depth, now).await {
                Err(StoreError::Contended(_)) if tries < TRIES_MAX => {}
                done => break done?,
            }
        };
        let Some(of_batch) = of_batch else {
            break;
        };
        *redriven += of_batch;
    }
    Ok(())
}

/// Gives these another chance, all of them that are dead or none; tells how many. None if the app would have more waiting
/// than it may.
async fn redrive_batch(
    db: &Db,
    app: AppId,
    batch: &[Uuid],
    depth: u8,
    now: Timestamp,
) -> Result<Option<u64>, StoreError> {
    let mut transaction = db.write().await?;
    Order::lock_all(&mut transaction, app, batch.to_vec()).await?;
    let mut redriven = 0;
    for delivery in batch {
        let delivery = DeliveryId(*delivery);
        let Some(order) = Order::lock(&mut transaction, app, delivery).await? else {
            continue;
        };
        deepen_event(&mut transaction, app, delivery, depth).await?;
        if redrive_one(&mut transaction, app, delivery, &order, now).await? {
            redriven += 1;
        }
    }
    if is_overfull(&mut transaction, app).await? {
        // Dropped, the transaction leaves nothing.
        return Ok(None);
    }
    transaction.commit().await?;
    Ok(Some(redriven))
}

/// Deletes what has ended, some in each transaction.
pub(super) async fn delete(db: &Db, app: AppId, filter: &DeliveryFilter) -> Result<u64, StoreError> {
    let state = match filter.state {
        None => DeliveryState::Dead,
        // What has not ended is cancelled first.
        Some(DeliveryState::Waiting | DeliveryState::Running) => return Ok(0),
        Some(state) => state,
    };
    let mut deleted = 0;
    loop {
        let mut args = args![app, state.as_str()];
        args.extend(wanted(filter));
        args.push(Value::from(BATCH_ROWS));
        let batch = db.execute(DELETE_DELIVERIES, args).await?;
        deleted += batch;
        // What ends meanwhile is a matter of the next call.
        if batch < u64::from(BATCH_ROWS) {
            return Ok(deleted);
        }
    }
}
