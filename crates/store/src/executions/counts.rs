//! Counting runs, by minute: of every script, how many ended how, and how long they took.

use std::{collections::BTreeMap, time::Duration};

use picloud_shared::{
    durations::DurationBand,
    execution::{Execution, ExecutionStatus, UnrecordedRuns},
    id::{AppId, ScriptId},
    repository::StoreError,
    run_stats::minute,
    time::Timestamp,
};

use super::record::ROWS;
use crate::{
    convert::number,
    db::{Db, Transaction},
    statements::statements,
    value::{Value, args},
};

statements! {
    ADD_COUNT = "INSERT INTO run_counts (app_id, minute, script_id, status, band, count, unrecorded) \
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (app_id, minute, script_id, status, band) DO UPDATE \
        SET count = run_counts.count + excluded.count, \
        unrecorded = run_counts.unrecorded + excluded.unrecorded";
    // The same for as many as ROWS.
    ADD_COUNTS = "INSERT INTO run_counts (app_id, minute, script_id, status, band, count, unrecorded) VALUES \
        ($1, $2, $3, $4, $5, $6, $7), ($8, $9, $10, $11, $12, $13, $14), \
        ($15, $16, $17, $18, $19, $20, $21), ($22, $23, $24, $25, $26, $27, $28), \
        ($29, $30, $31, $32, $33, $34, $35), ($36, $37, $38, $39, $40, $41, $42), \
        ($43, $44, $45, $46, $47, $48, $49), ($50, $51, $52, $53, $54, $55, $56), \
        ($57, $58, $59, $60, $61, $62, $63), ($64, $65, $66, $67, $68, $69, $70), \
        ($71, $72, $73, $74, $75, $76, $77), ($78, $79, $80, $81, $82, $83, $84), \
        ($85, $86, $87, $88, $89, $90, $91), ($92, $93, $94, $95, $96, $97, $98), \
        ($99, $100, $101, $102, $103, $104, $105), ($106, $107, $108, $109, $110, $111, $112) \
        ON CONFLICT (app_id, minute, script_id, status, band) DO UPDATE \
        SET count = run_counts.count + excluded.count, \
        unrecorded = run_counts.unrecorded + excluded.unrecorded";
    // PostgreSQL adds BIGINTs up to a NUMERIC.
    COUNT_UNRECORDED = "SELECT CAST(COALESCE(SUM(unrecorded), 0) AS BIGINT) AS runs FROM run_counts \
        WHERE app_id = $1 AND minute >= $2";
}

/// Counts that are to be written. They stand in one order, so that two nodes that count the same scripts never wait for
/// each other in a circle.
#[derive(Default)]
pub(super) struct Counts(BTreeMap<(AppId, i64, ScriptId, &'static str, DurationBand), Count>);

#[derive(Clone, Copy, Default)]
struct Count {
    runs: u64,
    /// How many of them have no record.
    unrecorded: u64,
}

impl Counts {
    /// A run counts in the minute in which it ended.
    pub(super) fn add_recorded(&mut self, record: &Execution, status: ExecutionStatus, duration_us: u64) {
        let ended_at = record.started_at.plus(Duration::from_micros(duration_us));
        let key = (
            record.app_id,
            minute(ended_at),
            record.script_id,
            status.as_str(),
            DurationBand::of(duration_us),
        );
        self.0.entry(key).or_default().runs += 1;
    }

    /// Runs without a record ended just before `now`.
    pub(super) fn add_unrecorded(&mut self, runs: &UnrecordedRuns, now: Timestamp) {
        let success = ExecutionStatus::Success.as_str();
        for (band, more) in runs.durations.bands() {
            let key = (runs.app_id, minute(now), runs.script_id, success, band);
            let count = self.0.entry(key).or_default();
            count.runs += more;
            count.unrecorded += more;
        }
    }

    pub(super) async fn write(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let rows: Vec<_> = self.0.iter().collect();
        let mut chunks = rows.chunks_exact(ROWS);
        for chunk in &mut chunks {
            let args = chunk.iter().flat_map(|(key, count)| row(key, count)).collect();
            transaction.execute(ADD_COUNTS, args).await?;
        }
        for (key, count) in chunks.remainder() {
            transaction.execute(ADD_COUNT, row(key, count)).await?;
        }
        Ok(())
    }
}

fn row(
    (app, minute, script, status, band): &(AppId, i64, ScriptId, &'static str, DurationBand),
    count: &Count,
) -> Vec<Value<'static>> {
    args![
        *app,
        *minute,
        *script,
        *status,
        band.index(),
        count.runs,
        count.unrecorded
    ]
}

/// Counts from the beginning of the minute that `since` lies in.
pub(super) async fn count_unrecorded(db: &Db, app: AppId, since: Timestamp) -> Result<u64, StoreError> {
    let (runs,): (i64,) = db.fetch_one(COUNT_UNRECORDED, args![app, minute(since)]).await?;
    number("number of runs", runs)
}
