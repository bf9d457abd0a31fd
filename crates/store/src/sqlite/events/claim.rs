//! Leasing what is due.

use std::{collections::VecDeque, sync::Arc};

use picloud_shared::{
    events::{Claim, Claimed, Counts, Held, Leased},
    id::{AppId, DeliveryId, ScriptId},
    repository::StoreError,
    time::Timestamp,
};
use rusqlite::{Connection, Error, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::lease::fail;
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
    /// The apps where something waits, each found by one descent in the index, and when the first of it is due.
    FIRST_DUE_BY_APP = "WITH RECURSIVE present (app_id) AS ( \
        SELECT (SELECT app_id FROM deliveries INDEXED BY deliveries_due WHERE state = 'waiting' ORDER BY app_id LIMIT 1) \
        UNION ALL \
        SELECT (SELECT d.app_id FROM deliveries d INDEXED BY deliveries_due \
            WHERE d.state = 'waiting' AND d.app_id > p.app_id ORDER BY d.app_id LIMIT 1) \
        FROM present p WHERE p.app_id IS NOT NULL) \
        SELECT app_id, (SELECT d.due_at FROM deliveries d INDEXED BY deliveries_due \
            WHERE d.state = 'waiting' AND d.app_id = present.app_id ORDER BY d.due_at LIMIT 1) \
        FROM present WHERE app_id IS NOT NULL";
    DUE_OF_APP = "SELECT id, due_at FROM deliveries INDEXED BY deliveries_due \
        WHERE state = 'waiting' AND app_id = ?1 AND due_at <= ?2 ORDER BY due_at, id LIMIT ?3";
    FIRST_DUE_OF_APP = "SELECT MIN(due_at) FROM deliveries INDEXED BY deliveries_due \
        WHERE state = 'waiting' AND app_id = ?1";
    LEASE_DELIVERY = "UPDATE deliveries SET state = 'running', token = token + 1, node = ?3, lease_until = ?4 \
        WHERE app_id = ?1 AND id = ?2 AND state = 'waiting' RETURNING token";
    LEASED = "SELECT d.event_id, d.topic, d.event_key, e.source, e.subject, e.happened_at, e.extensions, \
        e.content_type, e.root_id, e.cause_id, e.depth, e.request, e.data, \
        d.script_id, d.token, d.place, d.origin, d.origin_id, d.terms, d.since, d.attempts, d.faults, d.aborts \
        FROM deliveries d JOIN events e ON e.number = d.event WHERE d.app_id = ?1 AND d.id = ?2";
    FIRST_LEASE_END = "SELECT MIN(lease_until) FROM deliveries INDEXED BY deliveries_leased \
        WHERE state = 'running' AND node <> ?1";
}

/// What waits in one app.
struct Queue {
    app: AppId,
    first_due: i64,
    /// What may be leased of it, the earliest first.
    due: VecDeque<Uuid>,
    /// Whether something of it was leased.
    is_taken_from: bool,
}

/// Leases what is due.
pub(super) fn claim(connection: &Connection, claim: &Claim, now: Timestamp) -> Result<Claimed, Error> {
    connection
        .prepare_cached(TAKE_BACK_EXPIRED)?
        .execute(params![now.as_micros(), claim.node])?;
    let mut queues = queues(connection, claim, now)?;
    let mut leased = Vec::new();
    for (app, delivery) in choose(&mut queues, claim.places) {
        leased.extend(lease(connection, claim, app, delivery, now)?);
    }
    Ok(Claimed {
        leased,
        next_due: next_due(connection, claim, &queues)?.map(Timestamp::from_micros),
    })
}

/// The queues of all apps that are wanted, the one that waits longest first.
fn queues(connection: &Connection, claim: &Claim, now: Timestamp) -> Result<Vec<Queue>, Error> {
    let mut statement = connection.prepare_cached(FIRST_DUE_BY_APP)?;
    let present = statement.query_map([], |row| Ok((AppId(uuid(row, 0)?), row.get(1)?)))?;
    let mut queues = Vec::new();
    for one in present {
        let (app, first_due) = one?;
        let room = claim.room_of(app);
        if room == 0 {
            continue;
        }
        let is_due = first_due <= now.as_micros();
        queues.push(Queue {
            app,
            first_due,
            due: if is_due {
                due(connection, app, room.min(claim.places), now)?
            } else {
                VecDeque::new()
            },
            is_taken_from: false,
        });
    }
    queues.sort_by_key(|queue| queue.first_due);
    Ok(queues)
}

fn due(connection: &Connection, app: AppId, most: u32, now: Timestamp) -> Result<VecDeque<Uuid>, Error> {
    let mut statement = connection.prepare_cached(DUE_OF_APP)?;
    let found = statement.query_map(params![id(&app), now.as_micros(), most], |row| uuid(row, 0))?;
    found.collect()
}

/// One of each app, then the second of each, and so on.
fn choose(queues: &mut [Queue], places: u32) -> Vec<(AppId, Uuid)> {
    let places = usize::try_from(places).unwrap_or(usize::MAX);
    let mut chosen = Vec::new();
    loop {
        let before = chosen.len();
        for queue in &mut *queues {
            if chosen.len() == places {
                return chosen;
            }
            if let Some(delivery) = queue.due.pop_front() {
                queue.is_taken_from = true;
                chosen.push((queue.app, delivery));
            }
        }
        if chosen.len() == before {
            return chosen;
        }
    }
}

/// Leases one; nothing if it cannot be read, and is set aside.
fn lease(
    connection: &Connection,
    claim: &Claim,
    app: AppId,
    delivery: Uuid,
    now: Timestamp,
) -> Result<Option<Leased>, Error> {
    let key = params![
        id(&app),
        delivery.as_bytes(),
        claim.node,
        claim.lease_until.as_micros()
    ];
    let token: Option<i64> = connection
        .prepare_cached(LEASE_DELIVERY)?
        .query_row(key, |row| row.get(0))
        .optional()?;
    let Some(token) = token else {
        return Ok(None);
    };
    let read = connection
        .prepare_cached(LEASED)?
        .query_row(params![id(&app), delivery.as_bytes()], |row| {
            leased(row, claim, app, delivery)
        });
    match read {
        Ok(leased) => Ok(Some(leased)),
        Err(error) if is_of_what_is_stored(&error) => {
            let held = Held {
                app_id: app,
                delivery: DeliveryId(delivery),
                token,
            };
            fail(connection, held, &unreadable(held, &error.to_string()), now)?;
            Ok(None)
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

/// When there is something to claim next.
fn next_due(connection: &Connection, claim: &Claim, queues: &[Queue]) -> Result<Option<i64>, Error> {
    let mut next: Option<i64> = connection
        .prepare_cached(FIRST_LEASE_END)?
        .query_row(params![claim.node], |row| row.get(0))?;
    for queue in queues {
        let first = if queue.is_taken_from {
            connection
                .prepare_cached(FIRST_DUE_OF_APP)?
                .query_row(params![id(&queue.app)], |row| row.get(0))?
        } else {
            Some(queue.first_due)
        };
        next = [next, first].into_iter().flatten().min();
    }
    Ok(next)
}

fn uuid(row: &Row<'_>, column: usize) -> Result<Uuid, Error> {
    row.get::<_, [u8; 16]>(column).map(Uuid::from_bytes)
}

fn optional_uuid(row: &Row<'_>, column: usize) -> Result<Option<Uuid>, Error> {
    let bytes: Option<[u8; 16]> = row.get(column)?;
    Ok(bytes.map(Uuid::from_bytes))
}
