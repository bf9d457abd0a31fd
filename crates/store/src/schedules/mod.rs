//! The ledgers of schedules: what became of each occurrence, written together with the events that came of it.
//!
//! Reading order: here what is read, then `write`.

pub(crate) mod write;

use std::time::Duration;

use async_trait::async_trait;
use picloud_shared::{
    id::{AppId, DeliveryId, ScheduleId},
    repository::{
        LEDGER_DAYS_MAX, LedgerRow, LedgerStep, LedgerWritten, ScheduleRepository, ScheduleStanding,
        StoreError,
    },
    schedule::{Entry, Fate},
    time::Timestamp,
};
use uuid::Uuid;

use crate::{
    Store,
    db::{Db, Transaction},
    statements::statements,
    value::args,
};

/// A schedule that is planned no further ahead than this is so because a change of it had to wait, or because the clocks
/// of two servers differ: nothing was wrong, and nothing is to come twice.
const AHEAD_MIN: Duration = Duration::from_mins(1);

statements! {
    PLANNED_SCHEDULES = "SELECT schedule_id, planned_until FROM schedule_standings";
    WAITING_SCHEDULES = "SELECT DISTINCT schedule_id FROM schedule_ledger WHERE state = 'waiting'";
    PLANNED_UNTIL = "SELECT planned_until FROM schedule_standings WHERE schedule_id = $1";
    // In one order, so that no two who cancel them wait for each other.
    RUNS_OF_SCHEDULE = "SELECT id FROM deliveries WHERE app_id = $1 AND origin_id = $2 AND origin = 'schedule' \
        AND state IN ('waiting', 'behind', 'running') ORDER BY id";
    WAITING_OF_SCHEDULE = "SELECT scheduled_at FROM schedule_ledger WHERE schedule_id = $1 AND state = 'waiting' \
        ORDER BY scheduled_at";
    SKIP_WAITING = "UPDATE schedule_ledger SET state = 'skipped', reason = 'inactive', decided_at = $2 \
        WHERE schedule_id = $1 AND state = 'waiting'";
    LOWER_STANDING = "UPDATE schedule_standings SET planned_until = $1 WHERE schedule_id = $2 AND planned_until > $3";
    FORGET_AHEAD = "DELETE FROM schedule_ledger WHERE schedule_id = $1 AND scheduled_at > $2";
    // Each schedule leads to its own oldest rows, one that is paused or gone as well.
    DELETE_OLD_ROWS = "DELETE FROM schedule_ledger WHERE (schedule_id, scheduled_at) IN ( \
        SELECT l.schedule_id, l.scheduled_at FROM schedule_standings s CROSS JOIN schedule_ledger l \
        WHERE l.schedule_id = s.schedule_id AND l.scheduled_at < $1 AND l.state <> 'waiting' LIMIT $2)";
    OLDEST_ROW = "SELECT MIN((SELECT l.scheduled_at FROM schedule_ledger l WHERE l.schedule_id = s.schedule_id \
        AND l.state <> 'waiting' ORDER BY l.scheduled_at LIMIT 1)) AS moment FROM schedule_standings s";
    LIST_LEDGER = "SELECT scheduled_at, until, state, reason, delivery_id, decided_at FROM schedule_ledger \
        WHERE schedule_id = $1 AND scheduled_at < $2 AND app_id = $3 ORDER BY scheduled_at DESC LIMIT $4";
}

/// How old a row of a ledger may be.
pub(crate) fn ledger_age_max() -> Duration {
    Duration::from_hours(24) * LEDGER_DAYS_MAX
}

/// Deletes as many as `$2` of the rows that were due before `$1`, unless they wait.
pub(crate) const DELETE_OLD: &str = DELETE_OLD_ROWS;

/// When the first row was due of those that do not wait.
pub(crate) const OLDEST: &str = OLDEST_ROW;

/// Has a schedule that is written begin at that moment, also if it was planned while the clock was far ahead.
pub(crate) async fn begin_anew(
    transaction: &mut Transaction,
    schedule: ScheduleId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let lower = args![at, schedule, at.plus(AHEAD_MIN)];
    if transaction.execute(LOWER_STANDING, lower).await? > 0 {
        // These moments are yet to come, and get rows of their own then.
        transaction.execute(FORGET_AHEAD, args![schedule, at]).await?;
    }
    Ok(())
}

#[derive(sqlx::FromRow)]
struct RowOfLedger {
    scheduled_at: i64,
    until: Option<i64>,
    state: String,
    reason: Option<String>,
    delivery_id: Option<Uuid>,
    decided_at: i64,
}

#[async_trait]
impl ScheduleRepository for Store {
    async fn planned_schedules(&self) -> Result<Vec<(ScheduleId, Timestamp)>, StoreError> {
        let rows: Vec<(Uuid, i64)> = self.db.fetch_all(PLANNED_SCHEDULES, args![]).await?;
        let planned = rows.into_iter();
        Ok(planned
            .map(|(schedule, until)| (ScheduleId(schedule), Timestamp::from_micros(until)))
            .collect())
    }

    async fn waiting_schedules(&self) -> Result<Vec<ScheduleId>, StoreError> {
        let rows: Vec<(Uuid,)> = self.db.fetch_all(WAITING_SCHEDULES, args![]).await?;
        Ok(rows.into_iter().map(|(schedule,)| ScheduleId(schedule)).collect())
    }

    async fn schedule_standing(
        &self,
        app: AppId,
        schedule: ScheduleId,
    ) -> Result<ScheduleStanding, StoreError> {
        let mut snapshot = self.db.snapshot().await?;
        let planned: Option<(i64,)> = snapshot.fetch_optional(PLANNED_UNTIL, args![schedule]).await?;
        let running: Vec<(Uuid,)> = snapshot.fetch_all(RUNS_OF_SCHEDULE, args![app, schedule]).await?;
        let waiting: Vec<(i64,)> = snapshot.fetch_all(WAITING_OF_SCHEDULE, args![schedule]).await?;
        snapshot.commit().await?;
        Ok(ScheduleStanding {
            planned_until: planned.map(|(until,)| Timestamp::from_micros(until)),
            running: u32::try_from(running.len()).unwrap_or(u32::MAX),
            waiting: waiting
                .into_iter()
                .map(|(moment,)| Timestamp::from_micros(moment))
                .collect(),
        })
    }

    async fn write_ledger(&self, step: LedgerStep, now: Timestamp) -> Result<LedgerWritten, StoreError> {
        match &self.db {
            Db::Sqlite(db) => write::on_sqlite(&db.kv, step, now).await,
            Db::Postgres(db) => write::on_postgres(db, &step, now).await,
        }
    }

    async fn skip_waiting(&self, schedule: ScheduleId, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.db.write().await?;
        transaction.execute(SKIP_WAITING, args![schedule, now]).await?;
        transaction.commit().await
    }

    async fn list_ledger(
        &self,
        app: AppId,
        schedule: ScheduleId,
        limit: u32,
        before: Option<Timestamp>,
    ) -> Result<Vec<LedgerRow>, StoreError> {
        let before = before.unwrap_or(Timestamp::from_micros(i64::MAX));
        let args = args![schedule, before, app, limit];
        let rows: Vec<RowOfLedger> = self.db.fetch_all(LIST_LEDGER, args).await?;
        rows.into_iter().map(LedgerRow::try_from).collect()
    }
}

impl TryFrom<RowOfLedger> for LedgerRow {
    type Error = StoreError;

    fn try_from(row: RowOfLedger) -> Result<Self, StoreError> {
        let fate = Fate::read(&row.state, row.reason.as_deref());
        let corrupt = || StoreError::Corrupt(format!("state `{}` of an occurrence", row.state));
        Ok(Self {
            entry: Entry {
                scheduled_at: Timestamp::from_micros(row.scheduled_at),
                until: row.until.map(Timestamp::from_micros),
                fate: fate.ok_or_else(corrupt)?,
            },
            delivery: row.delivery_id.map(DeliveryId),
            decided_at: Timestamp::from_micros(row.decided_at),
        })
    }
}
