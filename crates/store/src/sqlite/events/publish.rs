//! Accepting events.

use picloud_shared::{
    events::{IdempotencyKey, NewEvent, Published, WAITING_BYTES_PER_APP_MAX, WAITING_PER_APP_MAX},
    id::AppId,
    repository::StoreError,
    time::Timestamp,
};
use rusqlite::{Connection, Error, OptionalExtension as _, params};
use sqlx::{Sqlite, Transaction};

use crate::{
    db::bounded,
    error::store_error,
    events::{
        Refused,
        idempotency::{known, published, to_json_text},
        rows::{NewDeliveryRow, NewRow, rows, sums},
    },
    sqlite::kv::read::{corrupt, id},
    statements::statements,
    value::{args, bind},
};

statements! {
    /// Nothing if the app is gone.
    QUEUE_OF_APP = "SELECT COALESCE(q.count, 0), COALESCE(q.bytes, 0) FROM apps a \
        LEFT JOIN app_queues q ON q.app_id = a.id AND q.shard = 0 WHERE a.id = ?1";
    INSERT_EVENT = "INSERT INTO events (deliveries, source, subject, happened_at, extensions, content_type, root_id, \
        cause_id, depth, request, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    INSERT_DELIVERY = "INSERT INTO deliveries (app_id, id, event, event_id, script_id, topic, event_key, place, origin, \
        origin_id, terms, bytes, state, accepted_at, since, due_at, token, attempts, faults, aborts, redrives) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?15, 0, 0, 0, 0, 0)";
    LAST_PLACE = "SELECT MAX(place) FROM deliveries WHERE app_id = ?1 AND origin_id = ?2 AND event_key = ?3 \
        AND place IS NOT NULL AND state IN ('waiting', 'behind', 'running')";
    FIND_KEY = "SELECT fingerprint, published FROM event_keys \
        WHERE app_id = ?1 AND scope = ?2 AND event_key = ?3 AND expires_at > ?4";
    PUT_KEY = "INSERT INTO event_keys (app_id, scope, event_key, fingerprint, published, expires_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (app_id, scope, event_key) DO UPDATE SET \
        fingerprint = excluded.fingerprint, published = excluded.published, expires_at = excluded.expires_at";
}

/// Whether an app that has as much waiting as it may is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    Kept,
    /// What tells the script of an end that is named to be told is never dropped.
    Ignored,
}

/// Accepts events once, if a key is given.
pub(super) fn publish_once(
    connection: &Connection,
    app: AppId,
    events: &[NewEvent],
    idempotency: Option<&IdempotencyKey>,
    now: Timestamp,
) -> Result<Result<Published, Refused>, Error> {
    if let Some(key) = idempotency
        && let Some((fingerprint, earlier)) = find_key(connection, app, key, now)?
    {
        return Ok(known(key, &fingerprint, &earlier)
            .map_err(corrupt)?
            .ok_or(Refused::KeyReused));
    }
    if let Err(refused) = publish(connection, app, events, Bound::Kept, now)? {
        return Ok(Err(refused));
    }
    let published = published(events);
    if let Some(key) = idempotency {
        connection.prepare_cached(PUT_KEY)?.execute(params![
            id(&app),
            key.scope,
            key.key,
            key.fingerprint,
            to_json_text(&published).map_err(corrupt)?,
            key.kept_until.as_micros(),
        ])?;
    }
    Ok(Ok(published))
}

fn find_key(
    connection: &Connection,
    app: AppId,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Result<Option<(Vec<u8>, String)>, Error> {
    connection
        .prepare_cached(FIND_KEY)?
        .query_row(params![id(&app), key.scope, key.key, now.as_micros()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()
}

/// Accepts events of one app, all or none.
pub(crate) fn publish(
    connection: &Connection,
    app: AppId,
    events: &[NewEvent],
    bound: Bound,
    now: Timestamp,
) -> Result<Result<(), Refused>, Error> {
    let queue: Option<(i64, i64)> = connection
        .prepare_cached(QUEUE_OF_APP)?
        .query_row(params![id(&app)], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((count, bytes)) = queue else {
        return Ok(Err(Refused::NoApp));
    };
    let rows = rows(events, now).map_err(corrupt)?;
    let (more, more_bytes) = sums(&rows);
    let is_full = |have: i64, more: i64, max: u64| {
        let sum = u64::try_from(have.saturating_add(more)).unwrap_or(0);
        more > 0 && sum > max
    };
    if bound == Bound::Kept
        && (is_full(count, more, WAITING_PER_APP_MAX)
            || is_full(bytes, more_bytes, WAITING_BYTES_PER_APP_MAX))
    {
        return Ok(Err(Refused::Full));
    }
    for row in &rows {
        let event = insert_event(connection, row)?;
        for delivery in &row.deliveries {
            insert_delivery(connection, app, event, delivery, now)?;
        }
    }
    Ok(Ok(()))
}

/// Accepts events as a part of a transaction of another connection, however many wait. None of them has a place in an order.
pub(crate) async fn publish_without_bound(
    transaction: &mut Transaction<'static, Sqlite>,
    app: AppId,
    events: &[NewEvent],
    now: Timestamp,
) -> Result<(), StoreError> {
    for row in rows(events, now)? {
        let values = args![
            row.deliveries.len(),
            row.source.as_ref(),
            row.subject.as_deref(),
            row.happened_at,
            row.extensions.as_deref(),
            row.content_type.as_ref(),
            row.root_id,
            row.cause_id,
            row.depth,
            row.request.as_deref(),
            row.data,
        ];
        let inserted = bounded(bind!(sqlx::query(INSERT_EVENT), values).execute(&mut **transaction)).await;
        let event = inserted.map_err(store_error)?.last_insert_rowid();
        for delivery in &row.deliveries {
            let values = args![
                app,
                delivery.id,
                event,
                delivery.event_id,
                delivery.script_id,
                delivery.topic,
                delivery.event_key.as_deref(),
                None::<i64>,
                delivery.origin,
                delivery.origin_id,
                delivery.terms.as_deref(),
                delivery.bytes,
                "waiting",
                now,
                delivery.due_at,
            ];
            bounded(bind!(sqlx::query(INSERT_DELIVERY), values).execute(&mut **transaction))
                .await
                .map_err(store_error)?;
        }
    }
    Ok(())
}

fn insert_event(connection: &Connection, row: &NewRow<'_>) -> Result<i64, Error> {
    connection.prepare_cached(INSERT_EVENT)?.insert(params![
        i64::try_from(row.deliveries.len()).unwrap_or(i64::MAX),
        row.source,
        row.subject,
        row.happened_at,
        row.extensions,
        row.content_type,
        row.root_id.as_bytes(),
        row.cause_id.as_ref().map(uuid::Uuid::as_bytes),
        row.depth,
        row.request,
        row.data,
    ])
}

fn insert_delivery(
    connection: &Connection,
    app: AppId,
    event: i64,
    row: &NewDeliveryRow<'_>,
    now: Timestamp,
) -> Result<(), Error> {
    let origin_id = row.origin_id.as_ref().map(uuid::Uuid::as_bytes);
    // Only one at a time writes here: nobody takes the same place.
    let last: Option<i64> = if row.is_ordered {
        connection
            .prepare_cached(LAST_PLACE)?
            .query_row(params![id(&app), origin_id, row.event_key], |row| row.get(0))?
    } else {
        None
    };
    connection.prepare_cached(INSERT_DELIVERY)?.execute(params![
        id(&app),
        row.id.as_bytes(),
        event,
        row.event_id.as_bytes(),
        row.script_id.as_bytes(),
        row.topic,
        row.event_key,
        row.is_ordered.then(|| last.unwrap_or(0) + 1),
        row.origin,
        origin_id,
        row.terms,
        row.bytes,
        if last.is_some() { "behind" } else { "waiting" },
        now.as_micros(),
        row.due_at,
    ])?;
    Ok(())
}
