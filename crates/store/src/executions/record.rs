//! Writing records and counts.

use std::collections::HashSet;

use picloud_shared::{
    execution::{Execution, UnrecordedRuns},
    id::AppId,
    repository::StoreError,
    time::Timestamp,
};
use uuid::Uuid;

use crate::{
    convert::{number, to_json},
    db::{Db, Transaction},
    statements::statements,
    value::args,
};

const MICROS_PER_MINUTE: i64 = 60_000_000;

/// Rows in one statement, where there may be thousands: what a statement costs beside its rows is most of it.
const ROWS: usize = 16;

statements! {
    // As many as ROWS.
    APPS_PRESENT = "SELECT id FROM apps WHERE id IN \
        ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    INSERT_EXECUTION = "INSERT INTO executions \
        (id, app_id, script_id, script_name, version, trigger, status, started_at, operations, duration_us, \
        cpu_us, memory_bytes_peak, response_status, node, bytes) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT (id) DO NOTHING";
    INSERT_PAYLOAD = "INSERT INTO execution_payloads (execution_id, request, logs, error, search_text) \
        VALUES ($1, $2, $3, $4, $5)";
    ADD_COUNT = "INSERT INTO execution_counts (app_id, minute, script_id, count, duration_us) \
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (app_id, minute, script_id) DO UPDATE \
        SET count = execution_counts.count + excluded.count, \
        duration_us = execution_counts.duration_us + excluded.duration_us";
    // The same for as many as ROWS.
    ADD_COUNTS = "INSERT INTO execution_counts (app_id, minute, script_id, count, duration_us) VALUES \
        ($2, $1, $3, $4, $5), ($6, $1, $7, $8, $9), ($10, $1, $11, $12, $13), ($14, $1, $15, $16, $17), \
        ($18, $1, $19, $20, $21), ($22, $1, $23, $24, $25), ($26, $1, $27, $28, $29), ($30, $1, $31, $32, $33), \
        ($34, $1, $35, $36, $37), ($38, $1, $39, $40, $41), ($42, $1, $43, $44, $45), ($46, $1, $47, $48, $49), \
        ($50, $1, $51, $52, $53), ($54, $1, $55, $56, $57), ($58, $1, $59, $60, $61), ($62, $1, $63, $64, $65) \
        ON CONFLICT (app_id, minute, script_id) DO UPDATE \
        SET count = execution_counts.count + excluded.count, \
        duration_us = execution_counts.duration_us + excluded.duration_us";
    // PostgreSQL adds BIGINTs up to a NUMERIC.
    COUNT_UNRECORDED = "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) AS runs FROM execution_counts \
        WHERE app_id = $1 AND minute >= $2";
}

pub(super) async fn record(
    db: &Db,
    records: &[Execution],
    unrecorded: &[UnrecordedRuns],
    now: Timestamp,
) -> Result<(), StoreError> {
    if records.is_empty() && unrecorded.is_empty() {
        return Ok(());
    }
    let mut transaction = db.write().await?;
    let apps = records
        .iter()
        .map(|record| record.app_id)
        .chain(unrecorded.iter().map(|runs| runs.app_id));
    let present = present(&mut transaction, apps.collect()).await?;
    for record in records.iter().filter(|record| present.contains(&record.app_id)) {
        insert(&mut transaction, record).await?;
    }
    let unrecorded = unrecorded.iter().filter(|runs| present.contains(&runs.app_id));
    let counts = merged(unrecorded.copied().collect());
    add_counts(&mut transaction, minute(now), &counts).await?;
    transaction.commit().await
}

/// Those of the apps that are there.
async fn present(transaction: &mut Transaction, apps: HashSet<AppId>) -> Result<HashSet<AppId>, StoreError> {
    let apps: Vec<AppId> = apps.into_iter().collect();
    let mut present = HashSet::with_capacity(apps.len());
    for apps in apps.chunks(ROWS) {
        // The last one stands in for those that are missing.
        let asked = (0..ROWS).map(|row| apps[row.min(apps.len() - 1)].into());
        let found: Vec<(Uuid,)> = transaction.fetch_all(APPS_PRESENT, asked.collect()).await?;
        present.extend(found.into_iter().map(|(app,)| AppId(app)));
    }
    Ok(present)
}

/// One count for each script; and in one order, so that two nodes that count the same scripts never wait for each
/// other in a circle.
fn merged(mut counts: Vec<UnrecordedRuns>) -> Vec<UnrecordedRuns> {
    counts.sort_unstable_by_key(|runs| (runs.app_id, runs.script_id));
    counts.dedup_by(|next, kept| {
        let same = (next.app_id, next.script_id) == (kept.app_id, kept.script_id);
        if same {
            kept.count += next.count;
            kept.duration_us = kept.duration_us.saturating_add(next.duration_us);
        }
        same
    });
    counts
}

/// Adds counts, at most one of each script.
async fn add_counts(
    transaction: &mut Transaction,
    minute: i64,
    counts: &[UnrecordedRuns],
) -> Result<(), StoreError> {
    let mut chunks = counts.chunks_exact(ROWS);
    for chunk in &mut chunks {
        let rows = chunk
            .iter()
            .flat_map(|runs| args![runs.app_id, runs.script_id, runs.count, runs.duration_us]);
        let args = args![minute].into_iter().chain(rows).collect();
        transaction.execute(ADD_COUNTS, args).await?;
    }
    for runs in chunks.remainder() {
        let args = args![runs.app_id, minute, runs.script_id, runs.count, runs.duration_us];
        transaction.execute(ADD_COUNT, args).await?;
    }
    Ok(())
}

/// Counts from the beginning of the minute that `since` lies in.
pub(super) async fn count_unrecorded(db: &Db, app: AppId, since: Timestamp) -> Result<u64, StoreError> {
    let (runs,): (i64,) = db.fetch_one(COUNT_UNRECORDED, args![app, minute(since)]).await?;
    number("number of runs", runs)
}

/// Minutes since 1970.
pub(super) fn minute(moment: Timestamp) -> i64 {
    moment.as_micros().div_euclid(MICROS_PER_MINUTE)
}

/// What `list` compares texts in: lower case, character by character, so that it does not depend on what
/// stands beside a character.
pub(super) fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Writes one record, unless it is there already.
async fn insert(transaction: &mut Transaction, record: &Execution) -> Result<(), StoreError> {
    let request = to_json(&record.request)?;
    let logs = to_json(&record.logs)?;
    let error = record.error.as_ref().map(to_json).transpose()?;
    let search_text = search_text(record);
    let bytes = request.len() + logs.len() + error.as_ref().map_or(0, String::len) + search_text.len();
    let row = args![
        record.id,
        record.app_id,
        record.script_id,
        &record.script_name,
        record.version,
        record.trigger.as_str(),
        record.status.as_str(),
        record.started_at,
        record.usage.operations,
        record.usage.duration_us,
        record.usage.cpu_us,
        record.usage.memory_bytes_peak,
        record.response_status,
        &record.node,
        bytes,
    ];
    if transaction.execute(INSERT_EXECUTION, row).await? == 1 {
        let payload = args![record.id, request, logs, error, search_text];
        transaction.execute(INSERT_PAYLOAD, payload).await?;
    }
    Ok(())
}

/// All that a search looks at, one piece per line.
fn search_text(record: &Execution) -> String {
    let pieces: Vec<&str> = [record.request.path.as_str(), record.script_name.as_str()]
        .into_iter()
        .chain(record.error.iter().map(|error| error.message.as_str()))
        .chain(record.logs.iter().map(|line| line.message.as_str()))
        .collect();
    folded(&pieces.join("\n"))
}
