//! How leases end, and how they last.

use std::borrow::Cow;

use picloud_shared::{
    events::{Ack, Failure, Held, Next},
    id::{AppId, DeliveryId, ScheduleId},
    time::Timestamp,
};
use rusqlite::{Connection, Error, OptionalExtension as _, Row, params};

use super::{
    publish::{Bound, publish},
    queues::uuid,
};
use crate::{
    events::{NOT_TOLD, Refused, of_failure, warn_not_told},
    sqlite::kv::read::id,
    statements::statements,
    value::without_nul,
};

statements! {
    EXTEND_LEASE = "UPDATE deliveries SET lease_until = ?4 \
        WHERE app_id = ?1 AND id = ?2 AND token = ?3 AND state = 'running'";
    BEGIN_RUN = "UPDATE deliveries SET begun_token = token \
        WHERE app_id = ?1 AND id = ?2 AND token = ?3 AND state = 'running'";
    HOLDS = "SELECT 1 FROM deliveries WHERE app_id = ?1 AND id = ?2 AND token = ?3 AND state = 'running'";
    DONE = "UPDATE deliveries SET state = 'done', node = NULL, lease_until = NULL, error = NULL, ended_at = ?4, \
        execution_id = ?5, batch_execution_id = CASE WHEN batch IS NULL THEN batch_execution_id ELSE ?5 END, \
        response_status = ?6, bytes = bytes + ?7 \
        WHERE app_id = ?1 AND id = ?2 AND token = ?3 AND state = 'running' \
        RETURNING origin_id, event_key, place";
    PUT_RESULT = "INSERT INTO delivery_results (app_id, delivery_id, content_type, is_cut, body) \
        VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (app_id, delivery_id) DO UPDATE SET \
        content_type = excluded.content_type, is_cut = excluded.is_cut, body = excluded.body";
    RETRY = "UPDATE deliveries SET state = 'waiting', node = NULL, lease_until = NULL, due_at = ?4, \
        attempts = attempts + ?5, faults = faults + ?6, error = ?7, execution_id = COALESCE(?8, execution_id), \
        batch_execution_id = CASE WHEN batch IS NULL THEN batch_execution_id ELSE COALESCE(?8, batch_execution_id) END, \
        failed_at = ?9 \
        WHERE app_id = ?1 AND id = ?2 AND token = ?3 AND state = 'running' \
        RETURNING origin_id, event_key, place";
    DEAD = "UPDATE deliveries SET state = 'dead', node = NULL, lease_until = NULL, ended_at = ?4, \
        attempts = attempts + ?5, faults = faults + ?6, error = ?7, execution_id = COALESCE(?8, execution_id), \
        batch_execution_id = CASE WHEN batch IS NULL THEN batch_execution_id ELSE COALESCE(?8, batch_execution_id) END, \
        reason = ?9 \
        WHERE app_id = ?1 AND id = ?2 AND token = ?3 AND state = 'running' \
        RETURNING origin_id, event_key, place";
    ADD_TO_ERROR = "UPDATE deliveries SET error = error || ?3 WHERE app_id = ?1 AND id = ?2";
    RELEASE = "UPDATE deliveries SET state = 'waiting', node = NULL, lease_until = NULL, due_at = ?4 \
        WHERE app_id = ?1 AND id = ?2 AND token = ?3 AND state = 'running'";
    RECOVER = "UPDATE deliveries SET state = 'waiting', node = NULL, lease_until = NULL, due_at = ?2, \
        aborts = aborts + CASE WHEN aborts = 0 OR begun_token = token THEN 1 ELSE 0 END \
        WHERE state = 'running' AND node = ?1";
    /// Nobody waits behind one: runs of schedules have no place in an order.
    CANCEL_RUNS = "UPDATE deliveries INDEXED BY deliveries_of_schedules \
        SET state = 'cancelled', node = NULL, lease_until = NULL, ended_at = ?3 \
        WHERE app_id = ?1 AND origin_id = ?2 AND origin = 'schedule' AND state IN ('waiting', 'behind', 'running') \
        RETURNING id";
    /// Lets the first of a key run, if it is behind nobody any more.
    PROMOTE = "UPDATE deliveries SET state = 'waiting' WHERE app_id = ?1 AND state = 'behind' AND id = ( \
        SELECT id FROM deliveries WHERE app_id = ?1 AND origin_id = ?2 AND event_key = CAST(?3 AS TEXT) \
        AND place IS NOT NULL \
        AND state IN ('waiting', 'behind', 'running') ORDER BY place LIMIT 1)";
}

/// Where a delivery stands in an order. The bytes are as they are stored, so that what cannot be read is set aside, too, and
/// others go on behind it.
struct Order {
    origin_id: Option<Vec<u8>>,
    event_key: Option<Vec<u8>>,
    place: Option<i64>,
}

impl Order {
    fn of(row: &Row<'_>) -> Result<Self, Error> {
        let bytes = |column: usize| {
            let value = row.get_ref(column)?;
            Ok::<_, Error>(value.as_bytes_or_null()?.map(<[u8]>::to_vec))
        };
        Ok(Self {
            origin_id: bytes(0)?,
            event_key: bytes(1)?,
            place: row.get(2)?,
        })
    }

    /// Lets the next one run, after this one has ended.
    fn go_on(&self, connection: &Connection, app: AppId) -> Result<(), Error> {
        if self.place.is_some() {
            connection
                .prepare_cached(PROMOTE)?
                .execute(params![id(&app), self.origin_id, self.event_key])?;
        }
        Ok(())
    }
}

/// Ends a delivery that went well; `false` if the lease was lost.
pub(crate) fn acknowledge(
    connection: &Connection,
    app: AppId,
    ack: &Ack,
    now: Timestamp,
) -> Result<bool, Error> {
    let delivery = ack.delivery.0;
    let order = connection
        .prepare_cached(DONE)?
        .query_row(
            params![
                id(&app),
                delivery.as_bytes(),
                ack.token,
                now.as_micros(),
                ack.execution.0.as_bytes(),
                ack.result.as_ref().map(|result| result.status),
                ack.result.as_ref().map_or(0, |result| bytes(&result.body)),
            ],
            Order::of,
        )
        .optional()?;
    let Some(order) = order else {
        return Ok(false);
    };
    if let Some(result) = &ack.result {
        connection.prepare_cached(PUT_RESULT)?.execute(params![
            id(&app),
            delivery.as_bytes(),
            result.content_type,
            result.is_cut,
            result.body.as_ref(),
        ])?;
    }
    order.go_on(connection, app)?;
    Ok(true)
}

/// Whether a lease is not lost.
pub(crate) fn holds(connection: &Connection, held: Held) -> Result<bool, Error> {
    let delivery = held.delivery.0;
    connection
        .prepare_cached(HOLDS)?
        .exists(params![id(&held.app_id), delivery.as_bytes(), held.token])
}

fn bytes(body: &[u8]) -> i64 {
    i64::try_from(body.len()).unwrap_or(i64::MAX)
}

/// Ends a lease because the run did not go well; `false` if it was lost.
pub(super) fn fail(
    connection: &Connection,
    held: Held,
    failure: &Failure,
    now: Timestamp,
) -> Result<bool, Error> {
    let app = held.app_id;
    let delivery = held.delivery.0;
    let error = without_nul(Cow::Borrowed(&failure.error));
    let execution = failure.execution.map(|execution| execution.0.into_bytes());
    let (attempt, fault) = if failure.is_fault { (0, 1) } else { (1, 0) };
    let order = match failure.next {
        Next::RetryAt(due_at) => connection.prepare_cached(RETRY)?.query_row(
            params![
                id(&app),
                delivery.as_bytes(),
                held.token,
                due_at.as_micros(),
                attempt,
                fault,
                error,
                execution,
                now.as_micros(),
            ],
            Order::of,
        ),
        Next::Dead(reason) => connection.prepare_cached(DEAD)?.query_row(
            params![
                id(&app),
                delivery.as_bytes(),
                held.token,
                now.as_micros(),
                attempt,
                fault,
                error,
                execution,
                reason.as_str(),
            ],
            Order::of,
        ),
    };
    let Some(order) = order.optional()? else {
        return Ok(false);
    };
    if let Next::Dead(_) = failure.next {
        order.go_on(connection, app)?;
    }
    // If the app is gone, nobody is to be told.
    let (owed, others) = of_failure(failure);
    let _ = publish(connection, app, &owed, Bound::Ignored, now)?;
    if let Err(Refused::Full) = publish(connection, app, &others, Bound::Kept, now)? {
        warn_not_told(held);
        connection
            .prepare_cached(ADD_TO_ERROR)?
            .execute(params![id(&app), delivery.as_bytes(), NOT_TOLD])?;
    }
    Ok(true)
}

/// Cancels the runs of a schedule that are going, or wait for their turn; tells which.
pub(crate) fn cancel_runs(
    connection: &Connection,
    app: AppId,
    schedule: ScheduleId,
    now: Timestamp,
) -> Result<Vec<DeliveryId>, Error> {
    let mut statement = connection.prepare_cached(CANCEL_RUNS)?;
    let of_schedule = params![id(&app), schedule.0.as_bytes(), now.as_micros()];
    let cancelled = statement.query_map(of_schedule, |row| uuid(row, 0).map(DeliveryId))?;
    cancelled.collect()
}

/// Extends leases; gives those that are lost.
pub(super) fn extend(connection: &Connection, held: &[Held], until: Timestamp) -> Result<Vec<Held>, Error> {
    let mut statement = connection.prepare_cached(EXTEND_LEASE)?;
    let mut lost = Vec::new();
    for one in held {
        let delivery = one.delivery.0;
        let lease = params![id(&one.app_id), delivery.as_bytes(), one.token, until.as_micros()];
        if statement.execute(lease)? == 0 {
            lost.push(*one);
        }
    }
    Ok(lost)
}

/// Notes that the run of a delivery begins; `false` if the lease was lost.
pub(super) fn begin(connection: &Connection, held: Held) -> Result<bool, Error> {
    let delivery = held.delivery.0;
    let begun = connection.prepare_cached(BEGIN_RUN)?.execute(params![
        id(&held.app_id),
        delivery.as_bytes(),
        held.token
    ])?;
    Ok(begun == 1)
}

/// Ends leases as if they had never been.
pub(super) fn release(connection: &Connection, held: &[Held], due_at: Timestamp) -> Result<(), Error> {
    let mut statement = connection.prepare_cached(RELEASE)?;
    for one in held {
        let delivery = one.delivery.0;
        statement.execute(params![
            id(&one.app_id),
            delivery.as_bytes(),
            one.token,
            due_at.as_micros()
        ])?;
    }
    Ok(())
}

/// Takes back all leases of a node.
pub(super) fn recover(connection: &Connection, node: &str, now: Timestamp) -> Result<u64, Error> {
    let taken = connection
        .prepare_cached(RECOVER)?
        .execute(params![node, now.as_micros()])?;
    Ok(u64::try_from(taken).unwrap_or(u64::MAX))
}
