//! Writing records, and counts with them.

use std::collections::HashSet;

use picloud_shared::{
    execution::{Execution, UnrecordedRuns},
    id::AppId,
    repository::StoreError,
    time::Timestamp,
};
use uuid::Uuid;

use super::counts::Counts;
use crate::{
    convert::to_json,
    db::{Db, Transaction},
    statements::statements,
    value::args,
};

/// Rows in one statement, where there may be thousands: what a statement costs beside its rows is most of it.
pub(super) const ROWS: usize = 16;

statements! {
    // As many as ROWS.
    APPS_PRESENT = "SELECT id FROM apps WHERE id IN \
        ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    INSERT_EXECUTION = "INSERT INTO executions \
        (id, app_id, script_id, script_name, version, trigger, status, started_at, operations, duration_us, \
        cpu_us, memory_bytes_peak, response_status, node, bytes) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT (id) DO NOTHING";
    INSERT_PAYLOAD = "INSERT INTO execution_payloads (execution_id, request, logs, error, search_text, services) \
        VALUES ($1, $2, $3, $4, $5, $6)";
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
    let mut counts = Counts::default();
    for record in records.iter().filter(|record| present.contains(&record.app_id)) {
        if insert(&mut transaction, record).await? {
            counts.add_recorded(record);
        }
    }
    for runs in unrecorded.iter().filter(|runs| present.contains(&runs.app_id)) {
        counts.add_unrecorded(runs, now);
    }
    counts.write(&mut transaction).await?;
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

/// Writes one record, unless it is there already; tells whether it did.
async fn insert(transaction: &mut Transaction, record: &Execution) -> Result<bool, StoreError> {
    let request = to_json(&record.request)?;
    let logs = to_json(&record.logs)?;
    let error = record.error.as_ref().map(to_json).transpose()?;
    let search_text = record.search_text();
    let services = to_json(&record.services)?;
    let texts = [&request, &logs, &search_text, &services];
    let bytes = texts.into_iter().chain(&error).map(String::len).sum::<usize>();
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
    let is_new = transaction.execute(INSERT_EXECUTION, row).await? == 1;
    if is_new {
        let payload = args![record.id, request, logs, error, search_text, services];
        transaction.execute(INSERT_PAYLOAD, payload).await?;
    }
    Ok(is_new)
}
