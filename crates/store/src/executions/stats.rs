//! Reading what was counted.

use picloud_shared::{
    durations::DurationBand,
    execution::ExecutionStatus,
    id::{AppId, ScriptId},
    repository::StoreError,
    run_stats::{RunStats, Slots},
};

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
}

#[derive(sqlx::FromRow)]
struct CountRow {
    slot: i64,
    status: String,
    band: i64,
    runs: i64,
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
