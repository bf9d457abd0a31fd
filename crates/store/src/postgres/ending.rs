//! What a commit does beside its data, in the statement of its data: the record of its run, the end of the delivery that
//! began it, and what it publishes.

use picloud_shared::{id::AppId, repository::StoreError, services::Commit, time::Timestamp};
use sqlx::{Postgres, postgres::PgArguments, query::QueryScalar};

use super::events::{Packed, bounds};
use crate::{executions::record::Rows, value::bind};

/// A statement that calls a function which commits, with `$40` and what comes after it, and then, if that has committed,
/// ends the run with `$25` to `$39` and writes its record, which is `$1` to `$24`, unless there is none. One that is there
/// already stays: the client may have left before the commit.
macro_rules! ending {
    ($commit:literal) => {
        concat!(
            "WITH done AS MATERIALIZED (SELECT end_run(",
            $commit,
            ", $25, $26, $27, $28, $29, $30, $31, $32, $33, CAST($34 AS JSONB), $35, $36, $37, $38, $39) AS stale), \
             execution AS (INSERT INTO executions \
             (id, app_id, script_id, script_name, version, trigger, status, started_at, operations, duration_us, \
             cpu_us, memory_bytes_peak, response_status, node, bytes, delivery_id, attempt, root_id) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18 \
             FROM done WHERE done.stale IS NULL AND CAST($1 AS UUID) IS NOT NULL ON CONFLICT (id) DO NOTHING), \
             payload AS (INSERT INTO execution_payloads \
             (execution_id, request, logs, error, search_text, services) \
             SELECT $19, $20, $21, $22, $23, $24 \
             FROM done WHERE done.stale IS NULL AND CAST($19 AS UUID) IS NOT NULL \
             ON CONFLICT (execution_id) DO NOTHING) \
             SELECT stale FROM done"
        )
    };
}
pub(super) use ending;

/// What a commit does beside its data.
pub(super) struct Ending<'c> {
    app: AppId,
    commit: &'c Commit,
    record: Rows,
    emits: Packed<'c>,
    now: Timestamp,
}

impl<'c> Ending<'c> {
    /// That of a commit; none if it does nothing beside its data.
    pub(super) fn of(app: AppId, commit: &'c Commit, now: Timestamp) -> Result<Option<Self>, StoreError> {
        let does_nothing = commit.record.is_none() && commit.ack.is_none() && commit.emits.is_empty();
        if does_nothing && commit.held.is_none() {
            return Ok(None);
        }
        let record = commit.record.as_deref().map(Rows::of).transpose()?;
        Ok(Some(Self {
            app,
            commit,
            record: record.unwrap_or_else(Rows::none),
            emits: Packed::of(&commit.emits, now)?,
            now,
        }))
    }

    /// Binds `$1` to `$39`.
    fn bind<'q>(&self, query: Scalar<'q>) -> Scalar<'q> {
        let Rows { execution, payload } = self.record.clone();
        let ack = self.commit.ack.as_ref();
        // Without a run that ends, the function only looks whether the lease is there, and keeps it there.
        let held = self.commit.held;
        let result = ack.and_then(|ack| ack.result.as_ref());
        let (count_max, bytes_max) = bounds();
        let data: Vec<Vec<u8>> = self.emits.data.iter().map(|data| data.to_vec()).collect();
        bind!(query, execution.into_iter().chain(payload))
            .bind(self.app.0)
            .bind(self.now.as_micros())
            .bind(ack.map(|ack| ack.delivery.0).or(held.map(|held| held.delivery.0)))
            .bind(ack.map(|ack| ack.token).or(held.map(|held| held.token)))
            .bind(ack.map(|ack| ack.execution.0))
            .bind(result.map(|result| i64::from(result.status)))
            .bind(result.and_then(|result| result.content_type.clone()))
            .bind(result.map(|result| result.is_cut))
            .bind(result.map(|result| result.body.to_vec()))
            .bind(self.emits.events.clone())
            .bind(data)
            .bind(self.emits.count)
            .bind(self.emits.bytes)
            .bind(count_max)
            .bind(bytes_max)
    }
}

type Scalar<'q> = QueryScalar<'q, Postgres, Option<Vec<u8>>, PgArguments>;

/// The query of a commit: `ending` if it does something beside its data, and `plain` if not. The values of the commit come
/// after those of its ending.
pub(super) fn query<'q>(plain: &'static str, ending: &'static str, with: Option<&Ending<'_>>) -> Scalar<'q> {
    match with {
        Some(with) => with.bind(sqlx::query_scalar(ending)),
        None => sqlx::query_scalar(plain),
    }
}
