//! Writing a step of a schedule: its rows, how far it is planned, the ends of the runs that it replaces, and its events,
//! in one transaction.
//!
//! On SQLite the thread that writes the commits of runs does it, on PostgreSQL it is a transaction; the statements are the
//! same.

use picloud_shared::{
    events::NewEvent,
    id::DeliveryId,
    repository::{Decided, LEDGER_ROWS_MAX, LedgerStep, LedgerWritten, StoreError},
    schedule::Entry,
    time::Timestamp,
};
use rusqlite::{Connection, OptionalExtension as _, params_from_iter};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{RUNS_OF_SCHEDULE, ledger_age_max};
use crate::{
    db::bounded,
    error::store_error,
    events::Refused,
    postgres::{self, Postgres},
    sqlite::{self, kv::KeyValues},
    statements::statements,
    value::{Value, args, bind},
};

// The connection that writes on SQLite numbers values in the order in which they come first.
statements! {
    FIND_STANDING = "SELECT planned_until FROM schedule_standings WHERE schedule_id = $1";
    // Of two who do this at one time, the second sees what the first has written, and changes nothing. Nothing if the
    // app is gone.
    RAISE_STANDING = "INSERT INTO schedule_standings (schedule_id, app_id, planned_until) \
        SELECT $1, a.id, $2 FROM apps a WHERE a.id = $3 \
        ON CONFLICT (schedule_id) DO UPDATE SET planned_until = excluded.planned_until \
        WHERE schedule_standings.planned_until = $4";
    // On PostgreSQL; see `cancel_runs` of SQLite.
    CANCEL_RUN = "UPDATE deliveries SET state = 'cancelled', node = NULL, lease_until = NULL, ended_at = $3 \
        WHERE app_id = $1 AND id = $2 AND state IN ('waiting', 'behind', 'running')";
    REPLACE_WAITING = "UPDATE schedule_ledger SET state = 'skipped', reason = 'replaced', decided_at = $1 \
        WHERE schedule_id = $2 AND state = 'waiting'";
    INSERT_ROW = "INSERT INTO schedule_ledger \
        (schedule_id, scheduled_at, app_id, until, state, reason, delivery_id, decided_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    // What waits is read before, and then held, so that two do not start it.
    HOLD_WAITING = "UPDATE schedule_ledger SET decided_at = $1 \
        WHERE schedule_id = $2 AND scheduled_at = $3 AND state = 'waiting'";
    END_WAITING = "UPDATE schedule_ledger SET state = $1, reason = $2, delivery_id = $3 \
        WHERE schedule_id = $4 AND scheduled_at = $5 AND state = 'waiting'";
    FORGET_ROWS = "DELETE FROM schedule_ledger WHERE schedule_id = $1 AND state <> 'waiting' AND (scheduled_at < $2 \
        OR scheduled_at < (SELECT l.scheduled_at FROM schedule_ledger l WHERE l.schedule_id = $1 \
        ORDER BY l.scheduled_at DESC LIMIT 1 OFFSET $3))";
    // On SQLite others write in the same transaction, and a step may be refused after a part of it is written.
    BEGIN_STEP = "SAVEPOINT step";
    UNDO_STEP = "ROLLBACK TO step";
    KEEP_STEP = "RELEASE step";
}

/// The same as `NULL`, where no moment is meant: no schedule is planned until then.
const NEVER: i64 = i64::MIN;

type Row = (Entry, Option<NewEvent>);

/// Writes a step on SQLite.
pub(super) async fn on_sqlite(
    kv: &KeyValues,
    step: LedgerStep,
    now: Timestamp,
) -> Result<LedgerWritten, StoreError> {
    kv.write(None, move |connection| write(connection, &step, now))
        .await
}

/// Writes a step; nothing of it remains unless it is written.
fn write(
    connection: &Connection,
    step: &LedgerStep,
    now: Timestamp,
) -> Result<LedgerWritten, rusqlite::Error> {
    let run = |sql: &'static str| connection.prepare_cached(sql)?.execute([]);
    run(BEGIN_STEP)?;
    let written = write_step(connection, step, now)?;
    if !matches!(written, LedgerWritten::Written { .. }) {
        run(UNDO_STEP)?;
    }
    run(KEEP_STEP)?;
    Ok(written)
}

fn write_step(
    connection: &Connection,
    step: &LedgerStep,
    now: Timestamp,
) -> Result<LedgerWritten, rusqlite::Error> {
    let run = |sql: &'static str, args: Vec<Value<'_>>| {
        connection.prepare_cached(sql)?.execute(params_from_iter(args))
    };
    // Nobody else writes meanwhile, so that what is looked at first is still so.
    let rows: Vec<&Row> = match step.decided {
        Decided::New { since, .. } => {
            let standing: Option<i64> = connection
                .prepare_cached(FIND_STANDING)?
                .query_row(params_from_iter(args![step.schedule]), |row| row.get(0))
                .optional()?;
            if standing != since.map(Timestamp::as_micros) {
                return Ok(LedgerWritten::Taken);
            }
            step.rows.iter().collect()
        }
        Decided::Waiting => {
            let mut rows = Vec::new();
            for row in &step.rows {
                if run(HOLD_WAITING, args![now, step.schedule, row.0.scheduled_at])? == 1 {
                    rows.push(row);
                }
            }
            rows
        }
    };
    // Before the new one is there, and so that they make room for it.
    let cancelled = if replaces(step) {
        sqlite::events::cancel_runs(connection, step.app_id, step.schedule, now)?
    } else {
        Vec::new()
    };
    let events = events(step, &rows);
    if !events.is_empty() {
        let bound = sqlite::events::Bound::Kept;
        match sqlite::events::publish(connection, step.app_id, &events, bound, now)? {
            Ok(()) => {}
            Err(Refused::Full) => return Ok(LedgerWritten::QueueFull),
            Err(Refused::NoApp | Refused::KeyReused) => return Ok(LedgerWritten::Taken),
        }
    }
    if let Some(raise) = raise(step)
        && run(RAISE_STANDING, raise)? == 0
    {
        return Ok(LedgerWritten::Taken);
    }
    for (sql, args) in statements_of(step, &rows, now) {
        run(sql, args)?;
    }
    Ok(LedgerWritten::Written { cancelled })
}

/// Writes a step on PostgreSQL.
pub(super) async fn on_postgres(
    db: &Postgres,
    step: &LedgerStep,
    now: Timestamp,
) -> Result<LedgerWritten, StoreError> {
    let mut transaction = bounded(db.pool.begin()).await.map_err(store_error)?;
    let mut rows: Vec<&Row> = Vec::new();
    match raise(step) {
        Some(raise) => {
            if execute(&mut transaction, RAISE_STANDING, raise).await? == 0 {
                return Ok(LedgerWritten::Taken);
            }
            rows.extend(&step.rows);
        }
        None => {
            for row in &step.rows {
                let hold = args![now, step.schedule, row.0.scheduled_at];
                if execute(&mut transaction, HOLD_WAITING, hold).await? == 1 {
                    rows.push(row);
                }
            }
        }
    }
    // Not before this step is the first: what another one has just started goes on.
    let cancelled = if replaces(step) {
        cancel_runs(&mut transaction, step, now).await?
    } else {
        Vec::new()
    };
    for (sql, args) in statements_of(step, &rows, now) {
        execute(&mut transaction, sql, args).await?;
    }
    let events = events(step, &rows);
    if !events.is_empty() {
        match postgres::events::publish(&mut transaction, step.app_id, &events, now).await? {
            Ok(()) => {}
            // Dropped, the transaction leaves nothing.
            Err(Refused::Full) => return Ok(LedgerWritten::QueueFull),
            Err(Refused::NoApp | Refused::KeyReused) => return Ok(LedgerWritten::Taken),
        }
    }
    bounded(transaction.commit()).await.map_err(store_error)?;
    if !events.is_empty() {
        db.tell();
    }
    Ok(LedgerWritten::Written { cancelled })
}

/// Cancels the runs of a schedule that are going, or wait for their turn; tells which.
async fn cancel_runs(
    connection: &mut PgConnection,
    step: &LedgerStep,
    now: Timestamp,
) -> Result<Vec<DeliveryId>, StoreError> {
    let of_schedule = args![step.app_id, step.schedule];
    let found = sqlx::query_as::<_, (Uuid,)>(RUNS_OF_SCHEDULE);
    let found = bounded(bind!(found, of_schedule).fetch_all(&mut *connection)).await;
    let mut cancelled = Vec::new();
    for (id,) in found.map_err(store_error)? {
        if execute(connection, CANCEL_RUN, args![step.app_id, id, now]).await? == 1 {
            cancelled.push(DeliveryId(id));
        }
    }
    Ok(cancelled)
}

async fn execute(
    connection: &mut PgConnection,
    sql: &'static str,
    args: Vec<Value<'_>>,
) -> Result<u64, StoreError> {
    let done = bounded(bind!(sqlx::query(sql), args).execute(connection)).await;
    done.map(|done| done.rows_affected()).map_err(store_error)
}

/// Whether what runs and what waits is replaced.
fn replaces(step: &LedgerStep) -> bool {
    matches!(step.decided, Decided::New { replaces: true, .. })
}

/// What is published: for these rows, and what is told beside them.
fn events(step: &LedgerStep, rows: &[&Row]) -> Vec<NewEvent> {
    let starting = rows.iter().filter_map(|(_, event)| event.clone());
    starting.chain(step.tells.iter().cloned()).collect()
}

/// The values that raise how far the schedule is planned, if that is a part of the step.
fn raise(step: &LedgerStep) -> Option<Vec<Value<'static>>> {
    let Decided::New { since, until, .. } = step.decided else {
        return None;
    };
    let since = since.map_or(NEVER, Timestamp::as_micros);
    Some(args![step.schedule, until, step.app_id, since])
}

/// All else that is written.
fn statements_of<'s>(
    step: &LedgerStep,
    rows: &[&'s Row],
    now: Timestamp,
) -> Vec<(&'static str, Vec<Value<'s>>)> {
    let mut statements = Vec::with_capacity(rows.len() + 2);
    if replaces(step) {
        statements.push((REPLACE_WAITING, args![now, step.schedule]));
    }
    for (entry, event) in rows {
        let started = event.as_ref().and_then(|event| event.deliveries.first());
        let delivery = started.map(|delivery| delivery.id);
        let (state, reason) = (entry.fate.state(), entry.fate.reason());
        statements.push(match step.decided {
            Decided::New { .. } => (
                INSERT_ROW,
                args![
                    step.schedule,
                    entry.scheduled_at,
                    step.app_id,
                    entry.until,
                    state,
                    reason,
                    delivery,
                    now,
                ],
            ),
            Decided::Waiting => (
                END_WAITING,
                args![state, reason, delivery, step.schedule, entry.scheduled_at],
            ),
        });
    }
    if let Decided::New { prunes: true, .. } = step.decided {
        let oldest = now.minus(ledger_age_max());
        statements.push((FORGET_ROWS, args![step.schedule, oldest, LEDGER_ROWS_MAX]));
    }
    statements
}
