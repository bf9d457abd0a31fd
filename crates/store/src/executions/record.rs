//! Writing records, and counts with them.

use std::collections::HashSet;

use picloud_shared::{
    calls::Day,
    execution::{Execution, ExecutionStatus, RunBatch},
    id::AppId,
    quota::QuotaExceeded,
    repository::StoreError,
    time::Timestamp,
};
use uuid::Uuid;

use super::counts::Counts;
use crate::{
    calls,
    convert::{number, to_json},
    db::{Db, Transaction},
    statements::statements,
    value::{Value, args},
};

/// Rows in one statement, where there may be thousands: what a statement costs beside its rows is most of it.
pub(crate) const ROWS: usize = 16;

statements! {
    // As many as ROWS.
    APPS_PRESENT = "SELECT id FROM apps WHERE id IN \
        ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    INSERT_EXECUTION = "INSERT INTO executions \
        (id, app_id, script_id, script_name, version, trigger, status, started_at, operations, duration_us, \
        cpu_us, memory_bytes_peak, response_status, node, bytes, delivery_id, attempt, root_id, \
        events) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) ON CONFLICT (id) DO NOTHING";
    INSERT_PAYLOAD = "INSERT INTO execution_payloads (execution_id, request, logs, error, search_text, services) \
        VALUES ($1, $2, $3, $4, $5, $6)";
    FIND_STATUS = "SELECT status, duration_us FROM executions WHERE id = $1";
}

/// Writes [`Rows::execution`], unless there is such a record.
pub(crate) const EXECUTION: &str = INSERT_EXECUTION;
/// Writes [`Rows::payload`], after a new [`EXECUTION`].
pub(crate) const PAYLOAD: &str = INSERT_PAYLOAD;

/// A record as it is written, whoever does it: the recorder, or the commit of the run.
#[derive(Clone)]
pub(crate) struct Rows {
    pub(crate) execution: Vec<Value<'static>>,
    pub(crate) payload: Vec<Value<'static>>,
}

/// Writes a batch; gives the apps in it that may call no services any more today.
pub(super) async fn record(
    db: &Db,
    batch: RunBatch<'_>,
    now: Timestamp,
) -> Result<Vec<(AppId, QuotaExceeded)>, StoreError> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    let mut transaction = db.write().await?;
    let recorded = batch.records.iter().map(|record| record.app_id);
    let committed = batch.committed.iter().map(|run| run.record.app_id);
    let unrecorded = batch.unrecorded.iter().map(|runs| runs.app_id);
    let used = batch.used.iter().map(|used| used.app_id);
    let apps = recorded.chain(committed).chain(unrecorded).chain(used).collect();
    let present = present(&mut transaction, apps).await?;
    let mut counts = Counts::default();
    for record in batch.records {
        if !present.contains(&record.app_id) {
            continue;
        }
        if insert(&mut transaction, record).await? {
            counts.add_recorded(record, record.status, record.usage.duration_us);
        } else if let Some(duration_us) = committed_meanwhile(&mut transaction, record).await? {
            counts.add_recorded(record, ExecutionStatus::Success, duration_us);
        }
    }
    for run in batch.committed {
        if present.contains(&run.record.app_id) {
            counts.add_recorded(&run.record, run.record.status, run.duration_us);
        }
    }
    for runs in batch.unrecorded {
        if present.contains(&runs.app_id) {
            counts.add_unrecorded(runs, now);
        }
    }
    counts.write(&mut transaction).await?;
    let used = || batch.used.iter().filter(|used| present.contains(&used.app_id));
    let day = Day::of(now);
    calls::add(&mut transaction, used(), day).await?;
    let full = calls::full(&mut transaction, used().map(|used| used.app_id).collect(), day).await?;
    transaction.commit().await?;
    Ok(full)
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
    let rows = Rows::of(record)?;
    let is_new = transaction.execute(INSERT_EXECUTION, rows.execution).await? == 1;
    if is_new {
        transaction.execute(INSERT_PAYLOAD, rows.payload).await?;
    }
    Ok(is_new)
}

/// How long a run took that has its record from its commit, although whoever waited for it takes it for one that
/// failed: the client left, or the database was lost, before the answer. None if the record is the same: then a batch
/// is written once more.
async fn committed_meanwhile(
    transaction: &mut Transaction,
    record: &Execution,
) -> Result<Option<u64>, StoreError> {
    if record.status == ExecutionStatus::Success {
        return Ok(None);
    }
    let found: Option<(String, i64)> = transaction.fetch_optional(FIND_STATUS, args![record.id]).await?;
    let success = ExecutionStatus::Success.as_str();
    let committed = found.filter(|(status, _)| status == success);
    committed
        .map(|(_, duration_us)| number("duration", duration_us))
        .transpose()
}

impl Rows {
    /// As many values, for no record.
    pub(crate) fn none() -> Self {
        let (id, number, text) = (None::<Uuid>, None::<i64>, None::<String>);
        Self {
            execution: args![
                id,
                id,
                id,
                text.clone(),
                number,
                text.clone(),
                text.clone(),
                number,
                number,
                number,
                number,
                number,
                number,
                text.clone(),
                number,
                id,
                number,
                id,
                number,
            ],
            payload: args![id, text.clone(), text.clone(), text.clone(), text.clone(), text],
        }
    }

    pub(crate) fn of(record: &Execution) -> Result<Self, StoreError> {
        let request = to_json(&record.request)?;
        let logs = to_json(&record.logs)?;
        let error = record.error.as_ref().map(to_json).transpose()?;
        let search_text = record.search_text();
        let services = to_json(&record.services)?;
        let texts = [&request, &logs, &search_text, &services];
        let bytes = texts.into_iter().chain(&error).map(String::len).sum::<usize>();
        Ok(Self {
            execution: args![
                record.id,
                record.app_id,
                record.script_id,
                record.script_name.clone(),
                record.version,
                record.trigger.as_str(),
                record.status.as_str(),
                record.started_at,
                record.usage.operations,
                record.usage.duration_us,
                record.usage.cpu_us,
                record.usage.memory_bytes_peak,
                record.response_status,
                record.node.clone(),
                bytes,
                record.delivery.map(|run| run.id),
                record.delivery.map(|run| i64::from(run.attempt)),
                record.delivery.map(|run| run.root),
                record.delivery.map(|run| i64::from(run.events)),
            ],
            payload: args![record.id, request, logs, error, search_text, services],
        })
    }
}
