//! The record of a run, in the statement of its commit.

use picloud_shared::{repository::StoreError, services::Commit};
use sqlx::{Postgres, postgres::PgArguments, query::QueryScalar};

use crate::{
    executions::record::Rows,
    value::{Value, bind},
};

/// A statement that calls a function which commits, with `$22` and what comes after it, and writes the record of `$1` to
/// `$21` if that has committed. One that is there already stays: the client may have left before the commit.
macro_rules! recorded {
    ($commit:literal) => {
        concat!(
            "WITH done AS MATERIALIZED (SELECT ",
            $commit,
            " AS stale), execution AS (INSERT INTO executions \
             (id, app_id, script_id, script_name, version, trigger, status, started_at, operations, duration_us, \
             cpu_us, memory_bytes_peak, response_status, node, bytes) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15 \
             FROM done WHERE done.stale IS NULL ON CONFLICT (id) DO NOTHING), \
             payload AS (INSERT INTO execution_payloads \
             (execution_id, request, logs, error, search_text, services) \
             SELECT $16, $17, $18, $19, $20, $21 \
             FROM done WHERE done.stale IS NULL ON CONFLICT (execution_id) DO NOTHING) \
             SELECT stale FROM done"
        )
    };
}
pub(super) use recorded;

/// The values of `$1` to `$21` of a statement that is [`recorded!`].
pub(super) type Record = Vec<Value<'static>>;

/// The record that a commit carries, if it does.
pub(super) fn record_of(commit: &Commit) -> Result<Option<Record>, StoreError> {
    let rows = commit.record.as_deref().map(Rows::of).transpose()?;
    Ok(rows.map(|Rows { execution, payload }| execution.into_iter().chain(payload).collect()))
}

/// The query of a commit: `recorded` with the record, if there is one, and `plain` if not. The values of the commit
/// come after those of the record.
pub(super) fn query<'q>(
    plain: &'static str,
    recorded: &'static str,
    record: Option<&Record>,
) -> QueryScalar<'q, Postgres, Option<Vec<u8>>, PgArguments> {
    match record {
        Some(record) => bind!(sqlx::query_scalar(recorded), record.clone()),
        None => sqlx::query_scalar(plain),
    }
}
