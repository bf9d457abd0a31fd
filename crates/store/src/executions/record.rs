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

statements! {
    APP_EXISTS = "SELECT id FROM apps WHERE id = $1";
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
    let apps: HashSet<AppId> = records
        .iter()
        .map(|record| record.app_id)
        .chain(unrecorded.iter().map(|runs| runs.app_id))
        .collect();
    let mut present = HashSet::with_capacity(apps.len());
    for app in apps {
        let found: Option<(Uuid,)> = transaction.fetch_optional(APP_EXISTS, args![app]).await?;
        present.extend(found.map(|_| app));
    }
    for record in records.iter().filter(|record| present.contains(&record.app_id)) {
        insert(&mut transaction, record).await?;
    }
    // In one order, so that two nodes that count the same scripts never wait for each other in a circle.
    let mut counted: Vec<&UnrecordedRuns> = unrecorded
        .iter()
        .filter(|runs| present.contains(&runs.app_id))
        .collect();
    counted.sort_unstable_by_key(|runs| (runs.app_id, runs.script_id));
    for runs in counted {
        let args = args![
            runs.app_id,
            minute(now),
            runs.script_id,
            runs.count,
            runs.duration_us
        ];
        transaction.execute(ADD_COUNT, args).await?;
    }
    transaction.commit().await
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
