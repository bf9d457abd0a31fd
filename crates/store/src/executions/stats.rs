//! Reading what was counted.

use std::collections::HashMap;

use picloud_shared::{
    durations::DurationBand,
    execution::ExecutionStatus,
    id::{AppId, ScriptId},
    repository::StoreError,
    run_stats::{Activity, RunStats, Slots, minute, minute_start},
    time::Timestamp,
};
use uuid::Uuid;

use super::record::ROWS;
use crate::{
    convert::{number, variant},
    db::Db,
    statements::statements,
    value::args,
};

statements! {
    RUN_STATS = "SELECT (minute - $2) / $4 AS slot, status, band, CAST(SUM(count) AS BIGINT) AS runs \
        FROM run_counts WHERE app_id = $1 AND minute >= $2 AND minute < $3 \
        AND (script_id = $5 OR $5 IS NULL) GROUP BY 1, 2, 3";
    // Of as many apps as ROWS.
    ACTIVITY = "SELECT a.id AS app_id, \
        (SELECT e.started_at FROM executions e WHERE e.app_id = a.id ORDER BY e.started_at DESC LIMIT 1) AS started_at, \
        (SELECT c.minute FROM run_counts c WHERE c.app_id = a.id ORDER BY c.minute DESC LIMIT 1) AS minute, \
        (SELECT CAST(SUM(c.count) AS BIGINT) FROM run_counts c WHERE c.app_id = a.id AND c.minute >= $1) AS runs, \
        (SELECT CAST(SUM(c.count) AS BIGINT) FROM run_counts c WHERE c.app_id = a.id AND c.minute >= $1 \
        AND c.status IN ('error', 'timeout', 'limit_exceeded')) AS errors \
        FROM apps a WHERE a.id IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
}

#[derive(sqlx::FromRow)]
struct CountRow {
    slot: i64,
    status: String,
    band: i64,
    runs: i64,
}

#[derive(sqlx::FromRow)]
struct ActivityRow {
    app_id: Uuid,
    started_at: Option<i64>,
    minute: Option<i64>,
    runs: Option<i64>,
    errors: Option<i64>,
}

pub(super) async fn activity(
    db: &Db,
    apps: &[AppId],
    since: Timestamp,
) -> Result<HashMap<AppId, Activity>, StoreError> {
    let mut found = HashMap::with_capacity(apps.len());
    for apps in apps.chunks(ROWS) {
        // The last one stands in for those that are missing.
        let asked = (0..ROWS).map(|row| apps[row.min(apps.len() - 1)].into());
        let args = args![minute(since)].into_iter().chain(asked).collect();
        let rows: Vec<ActivityRow> = db.fetch_all(ACTIVITY, args).await?;
        for row in rows {
            let counted_at = row.minute.map(minute_start);
            let activity = Activity {
                // A run without a record is only known by its minute.
                last_run_at: row.started_at.map(Timestamp::from_micros).max(counted_at),
                runs: number("number of runs", row.runs.unwrap_or_default())?,
                errors: number("number of errors", row.errors.unwrap_or_default())?,
            };
            found.insert(AppId(row.app_id), activity);
        }
    }
    Ok(found)
}

pub(super) async fn run_stats(
    db: &Db,
    app: AppId,
    script: Option<ScriptId>,
    slots: Slots,
) -> Result<Vec<RunStats>, StoreError> {
    let args = args![
        app,
        slots.first_minute,
        slots.end_minute(),
        slots.minutes,
        script.map(|script| script.0),
    ];
    let rows: Vec<CountRow> = db.fetch_all(RUN_STATS, args).await?;
    let mut by_slot = vec![RunStats::default(); slots.count];
    for row in rows {
        let slot: usize = number("slot", row.slot)?;
        let Some(of_slot) = by_slot.get_mut(slot) else {
            continue;
        };
        let status = variant(
            "status",
            &ExecutionStatus::ALL,
            ExecutionStatus::as_str,
            &row.status,
        )?;
        let runs = number("number of runs", row.runs)?;
        *of_slot.counts.entry(status).or_default() += runs;
        // Of what was counted by earlier versions, the band is not known.
        let band = usize::try_from(row.band).ok().and_then(DurationBand::from_index);
        if let Some(band) = band {
            of_slot.durations.add(band, runs);
        }
    }
    Ok(by_slot)
}
