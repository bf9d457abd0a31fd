//! What a commit does beside its data, in the statement of its data: the record of its run, the ends of the deliveries that
//! began it, and what it publishes.

use picloud_shared::{id::AppId, repository::StoreError, services::Commit, time::Timestamp};
use sqlx::{Postgres, postgres::PgArguments, query::QueryScalar};
use uuid::Uuid;

use super::events::{Packed, bounds};
use crate::{executions::record::Rows, value::bind};

/// A statement that calls a function which commits, with `$41` and what comes after it, and then, if that has committed,
/// ends the run with `$26` to `$40` and writes its record, which is `$1` to `$25`, unless there is none. One that is there
/// already stays: the client may have left before the commit.
macro_rules! ending {
    ($commit:literal) => {
        concat!(
            "WITH done AS MATERIALIZED (SELECT end_run(",
            $commit,
            ", $26, $27, $28, $29, $30, $31, $32, $33, $34, CAST($35 AS JSONB), $36, $37, $38, $39, $40) AS stale), \
             execution AS (INSERT INTO executions \
             (id, app_id, script_id, script_name, version, trigger, status, started_at, operations, duration_us, \
             cpu_us, memory_bytes_peak, response_status, node, bytes, delivery_id, attempt, root_id, events) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19 \
             FROM done WHERE done.stale IS NULL AND CAST($1 AS UUID) IS NOT NULL ON CONFLICT (id) DO NOTHING), \
             payload AS (INSERT INTO execution_payloads \
             (execution_id, request, logs, error, search_text, services) \
             SELECT $20, $21, $22, $23, $24, $25 \
             FROM done WHERE done.stale IS NULL AND CAST($20 AS UUID) IS NOT NULL \
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
        let does_nothing = commit.record.is_none() && commit.acks.is_empty() && commit.emits.is_empty();
        if does_nothing && commit.held.is_empty() {
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

    /// Binds `$1` to `$40`.
    fn bind<'q>(&self, query: Scalar<'q>) -> Scalar<'q> {
        let Rows { execution, payload } = self.record.clone();
        // Without a run that ends, the function only looks whether the leases are there, and keeps them there.
        let acks = self.commit.acks.iter().map(|ack| (ack.delivery.0, ack.token));
        let held = self.commit.held.iter().map(|held| (held.delivery.0, held.token));
        let (deliveries, tokens): (Vec<Uuid>, Vec<i64>) = if self.commit.acks.is_empty() {
            held.unzip()
        } else {
            acks.unzip()
        };
        let is_for_any = !deliveries.is_empty();
        let ack = self.commit.acks.first();
        let result = ack.and_then(|ack| ack.result.as_ref());
        let (count_max, bytes_max) = bounds();
        let data: Vec<Vec<u8>> = self.emits.data.iter().map(|data| data.to_vec()).collect();
        bind!(query, execution.into_iter().chain(payload))
            .bind(self.app.0)
            .bind(self.now.as_micros())
            .bind(is_for_any.then_some(deliveries))
            .bind(is_for_any.then_some(tokens))
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
