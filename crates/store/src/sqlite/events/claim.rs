//! Leasing what is due.

use std::sync::Arc;

use picloud_shared::{
    events::{Claim, Claimed, Counts, Held, Leased},
    id::{AppId, DeliveryId, ScriptId},
    repository::StoreError,
    time::Timestamp,
};
use rusqlite::{Connection, Error, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::{
    lease::fail,
    queues::{Queues, uuid},
};
use crate::{
    convert::number,
    events::{
        rows::{EventRow, origin_and_terms},
        unreadable,
    },
    sqlite::kv::read::{corrupt, id},
    statements::statements,
};

statements! {
    TAKE_BACK_EXPIRED = "UPDATE deliveries SET state = 'waiting', node = NULL, lease_until = NULL, due_at = ?1, \
        aborts = aborts + CASE WHEN aborts = 0 OR begun_token = token THEN 1 ELSE 0 END \
        WHERE state = 'running' AND lease_until <= ?1 AND node <> ?2";
    LEASE_DELIVERY = "UPDATE deliveries SET state = 'running', token = token + 1, node = ?3, lease_until = ?4, \
        batch = ?5 \
        WHERE app_id = ?1 AND id = ?2 AND state = 'waiting' RETURNING token";
    LEASED = "SELECT d.event_id, d.topic, d.event_key, e.source, e.subject, e.happened_at, e.extensions, \
        e.content_type, e.root_id, e.cause_id, e.depth, e.request, e.data, \
        d.script_id, d.token, d.place, d.origin, d.origin_id, d.terms, d.since, d.attempts, d.faults, d.aborts, \
        COALESCE(d.attempts = 1 AND d.batch_execution_id = d.execution_id, 0) \
        FROM deliveries d JOIN events e ON e.number = d.event WHERE d.app_id = ?1 AND d.id = ?2";
    FIRST_LEASE_END = "SELECT MIN(lease_until) FROM deliveries INDEXED BY deliveries_leased \
        WHERE state = 'running' AND node <> ?1";
}

/// Leases what is due.
pub(super) fn claim(connection: &Connection, claim: &Claim, now: Timestamp) -> Result<Claimed, Error> {
    connection
        .prepare_cached(TAKE_BACK_EXPIRED)?
        .execute(params![now.as_micros(), claim.node])?;
    let mut queues = Queues::find(connection, claim, now)?;
    let (mut leased, mut set_aside) = (Vec::new(), 0);
    for run in queues.choose(claim) {
        let batch = run.batch();
        for delivery in run.deliveries {
            match lease(connection, claim, (run.app, delivery, batch), now)? {
                Found::Leased(one) => leased.push(*one),
                Found::SetAside => set_aside += 1,
                Found::Gone => {}
            }
        }
    }
    let (next, has_more) = queues.next(connection, now)?;
    let first_lease_end: Option<i64> = connection
        .prepare_cached(FIRST_LEASE_END)?
        .query_row(params![claim.node], |row| row.get(0))?;
    let next_due = [next, first_lease_end].into_iter().flatten().min();
    Ok(Claimed {
        leased,
        next_due: next_due.map(Timestamp::from_micros),
        has_more,
        set_aside,
        leaves_strays: false,
    })
}

/// What became of one that is due.
enum Found {
    Leased(Box<Leased>),
    /// It cannot be read.
    SetAside,
    /// It does not wait any more.
    Gone,
}

/// Leases one.
fn lease(
    connection: &Connection,
    claim: &Claim,
    (app, delivery, batch): (AppId, Uuid, Option<DeliveryId>),
    now: Timestamp,
) -> Result<Found, Error> {
    let key = params![
        id(&app),
        delivery.as_bytes(),
        claim.node,
        claim.lease_until.as_micros(),
        batch.as_ref().map(|batch| batch.0.as_bytes()),
    ];
    let token: Option<i64> = connection
        .prepare_cached(LEASE_DELIVERY)?
        .query_row(key, |row| row.get(0))
        .optional()?;
    let Some(token) = token else {
        return Ok(Found::Gone);
    };
    let read = connection
        .prepare_cached(LEASED)?
        .query_row(params![id(&app), delivery.as_bytes()], |row| {
            Ok(Leased {
                batch,
                ..leased(row, claim, app, delivery)?
            })
        });
    match read {
        Ok(leased) => Ok(Found::Leased(Box::new(leased))),
        Err(error) if is_of_what_is_stored(&error) => {
            let held = Held {
                app_id: app,
                delivery: DeliveryId(delivery),
                token,
            };
            fail(connection, held, &unreadable(held, &error.to_string()), now)?;
            Ok(Found::SetAside)
        }
        Err(error) => Err(error),
    }
}

/// Whether it will not be read another time either.
fn is_of_what_is_stored(error: &Error) -> bool {
    matches!(
        error,
        Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::Utf8Error(..)
            | Error::QueryReturnedNoRows
    )
}

fn leased(row: &Row<'_>, claim: &Claim, app: AppId, delivery: Uuid) -> Result<Leased, Error> {
    let event = event(row)?;
    let made = || {
        let kind: String = row.get(16)?;
        let terms: Option<String> = row.get(18)?;
        let origin = origin_and_terms(&kind, optional_uuid(row, 17)?, terms.as_deref());
        origin.map_err(corrupt)
    };
    let (origin, terms) = made()?;
    let count = |column: usize| {
        let value = row.get(column)?;
        number("count", value).map_err(corrupt)
    };
    Ok(Leased {
        delivery: DeliveryId(delivery),
        app_id: app,
        script_id: ScriptId(uuid(row, 13)?),
        token: row.get(14)?,
        until: claim.lease_until,
        counts: Counts {
            attempts: count(20)?,
            faults: count(21)?,
            aborts: count(22)?,
        },
        batch: None,
        ran_only_in_batch: row.get(23)?,
        event: Arc::new(event.try_into().map_err(|error: StoreError| corrupt(error))?),
        origin,
        ordered: row.get::<_, Option<i64>>(15)?.is_some(),
        retry: terms.retry,
        on_success: terms.on_success,
        on_failure: terms.on_failure,
        since: Timestamp::from_micros(row.get(19)?),
    })
}

/// The event, in the first columns.
fn event(row: &Row<'_>) -> Result<EventRow, Error> {
    Ok(EventRow {
        event_id: uuid(row, 0)?,
        topic: row.get(1)?,
        event_key: row.get(2)?,
        source: row.get(3)?,
        subject: row.get(4)?,
        happened_at: row.get(5)?,
        extensions: row.get(6)?,
        content_type: row.get(7)?,
        root_id: uuid(row, 8)?,
        cause_id: optional_uuid(row, 9)?,
        depth: row.get(10)?,
        request: row.get(11)?,
        data: row.get(12)?,
    })
}

fn optional_uuid(row: &Row<'_>, column: usize) -> Result<Option<Uuid>, Error> {
    let bytes: Option<[u8; 16]> = row.get(column)?;
    Ok(bytes.map(Uuid::from_bytes))
}
