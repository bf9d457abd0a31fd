//! Keys and values on PostgreSQL: each question is one call.

use std::time::Duration;

use picloud_shared::{
    id::AppId,
    quota::{DATA_BYTES_DEFAULT, DATA_ROWS_DEFAULT, Quota, QuotaExceeded},
    repository::StoreError,
    services::{
        Answer, Commit, KvEntry, KvItem, LIST_BYTES_MAX, Question, ReadRange, ServiceError, list_bounds,
    },
    time::Timestamp,
};
use sqlx::{PgConnection, error::DatabaseError, pool::PoolConnection, postgres::PgDatabaseError};

use super::Postgres;
use crate::{
    db::{Transaction, bounded},
    error::{store_error, unavailable},
    kv::{bytes, kind, new_version, refusal, text, value},
    statements::statements,
    value::args,
};

/// How long a script waits for a connection, and for what it reads, before it hears that the database is away.
const READ_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a commit is sent that PostgreSQL gave up for another one.
const TRIES_MAX: usize = 5;
/// The codes that `commit_kv` ends with.
const APP_GONE: &str = "PC001";
const QUOTA_EXCEEDED: &str = "PC002";

statements! {
    GET_KV = "SELECT key, kind, value, version, expires_at FROM kv \
        WHERE app_id = $1 AND key = ANY($2) AND (expires_at IS NULL OR expires_at > $3)";
    // Sends no more bytes than are wanted, and one entry at least.
    LIST_KV = "SELECT key, kind, value, version, expires_at, total FROM ( \
        SELECT key, kind, value, version, expires_at, COUNT(*) OVER () AS total, \
        SUM(octet_length(key) + octet_length(value)) OVER (ORDER BY key) \
        - octet_length(key) - octet_length(value) AS bytes_before \
        FROM (SELECT * FROM kv WHERE app_id = $1 AND key >= $2 AND key < $3 \
        AND (expires_at IS NULL OR expires_at > $4) ORDER BY key LIMIT $5) AS page) AS summed \
        WHERE bytes_before <= $6 ORDER BY key";
    COMMIT_KV = "SELECT commit_kv($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
        AS stale";
    SWEEP_KV = "SELECT sweep_kv($1, $2) AS removed";
}

#[derive(sqlx::FromRow)]
struct Row {
    key: Vec<u8>,
    kind: i16,
    value: Vec<u8>,
    version: i64,
    expires_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct ListedRow {
    #[sqlx(flatten)]
    row: Row,
    /// How many there would be without a bound on bytes.
    total: i64,
}

impl Postgres {
    /// Answers a question of a script of `app`.
    pub(crate) async fn answer_kv(
        &self,
        app: AppId,
        question: Question,
        now: Timestamp,
    ) -> Result<Answer, ServiceError> {
        match question {
            Question::KvGet { keys } => within(self.get(app, &keys, now)).await,
            Question::KvList { prefix, after, limit } => {
                within(self.list(app, &prefix, after.as_deref(), limit, now)).await
            }
            Question::Commit(commit) => self.commit(app, &commit, now).await,
        }
    }

    async fn get(&self, app: AppId, keys: &[String], now: Timestamp) -> Result<Answer, StoreError> {
        let wanted: Vec<&[u8]> = keys.iter().map(String::as_bytes).collect();
        let found: Vec<Row> = sqlx::query_as(GET_KV)
            .bind(app.0)
            .bind(wanted)
            .bind(now.as_micros())
            .fetch_all(&self.pool)
            .await
            .map_err(store_error)?;
        let mut entries = vec![None; keys.len()];
        for row in found {
            let item = KvItem::try_from(row)?;
            for (key, entry) in keys.iter().zip(&mut entries) {
                if *key == item.key {
                    *entry = Some(item.entry.clone());
                }
            }
        }
        Ok(Answer::Entries { entries })
    }

    async fn list(
        &self,
        app: AppId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Answer, StoreError> {
        let (low, high) = list_bounds(prefix, after);
        // One more than is wanted tells whether there are more.
        let found: Vec<ListedRow> = sqlx::query_as(LIST_KV)
            .bind(app.0)
            .bind(low)
            .bind(high)
            .bind(now.as_micros())
            .bind(i64::from(limit) + 1)
            .bind(i64::try_from(LIST_BYTES_MAX).unwrap_or(i64::MAX))
            .fetch_all(&self.pool)
            .await
            .map_err(store_error)?;
        let total = found.first().map_or(0, |listed| listed.total);
        let items: Vec<_> = found
            .into_iter()
            .take(limit as usize)
            .map(|listed| listed.row.try_into())
            .collect::<Result<_, StoreError>>()?;
        let more = total > i64::try_from(items.len()).unwrap_or(i64::MAX);
        Ok(Answer::Page { items, more })
    }

    /// Waits for a connection only as long as a script should; once the commit is sent, for its answer.
    async fn commit(&self, app: AppId, commit: &Commit, now: Timestamp) -> Result<Answer, ServiceError> {
        let mut connection = tokio::time::timeout(READ_TIMEOUT, self.pool.acquire())
            .await
            .map_err(|elapsed| refusal(&unavailable(elapsed)))?
            .map_err(|error| refusal(&store_error(error)))?;
        let mut tries = 0;
        let stale = loop {
            tries += 1;
            match bounded(send(&mut connection, app, commit, now)).await {
                Ok(stale) => break stale,
                Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(APP_GONE) => {
                    return Err(ServiceError::AppGone);
                }
                Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(QUOTA_EXCEEDED) => {
                    return Err(quota_exceeded(&*error));
                }
                Err(sqlx::Error::Database(error))
                    if tries < TRIES_MAX && gave_up(error.code().as_deref()) => {}
                Err(error) => return Err(refusal(&store_error(error))),
            }
        };
        match stale {
            None => Ok(Answer::Committed),
            Some(key) => Ok(Answer::Conflict {
                key: String::from_utf8_lossy(&key).into_owned(),
            }),
        }
    }
}

async fn send(
    connection: &mut PoolConnection<sqlx::Postgres>,
    app: AppId,
    commit: &Commit,
    now: Timestamp,
) -> Result<Option<Vec<u8>>, sqlx::Error> {
    let now = now.as_micros();
    let Commit { keys, ranges, writes } = commit;
    let (lows, highs): (Vec<_>, Vec<_>) = ranges.iter().map(ReadRange::bounds).unzip();
    let puts = || {
        let puts = writes.iter();
        puts.filter_map(|write| write.value.as_ref().map(|value| (write, value)))
    };
    let deleted = writes.iter().filter(|write| write.value.is_none());
    let connection: &mut PgConnection = connection;
    sqlx::query_scalar(COMMIT_KV)
        .bind(app.0)
        .bind(now)
        .bind(keys.iter().map(|read| read.key.as_bytes()).collect::<Vec<_>>())
        .bind(keys.iter().map(|read| read.version).collect::<Vec<_>>())
        .bind(lows)
        .bind(highs)
        .bind(ranges.iter().map(|range| count(range.count)).collect::<Vec<_>>())
        .bind(ranges.iter().map(|range| range.mark).collect::<Vec<_>>())
        .bind(puts().map(|(write, _)| write.key.as_bytes()).collect::<Vec<_>>())
        .bind(puts().map(|(_, value)| kind(value)).collect::<Vec<_>>())
        .bind(puts().map(|(_, value)| bytes(value)).collect::<Vec<_>>())
        .bind(puts().map(|_| new_version()).collect::<Vec<_>>())
        .bind(
            puts()
                .map(|(write, _)| write.expiry.moment(now))
                .collect::<Vec<_>>(),
        )
        .bind(deleted.map(|write| write.key.as_bytes()).collect::<Vec<_>>())
        .bind(count(DATA_BYTES_DEFAULT))
        .bind(count(DATA_ROWS_DEFAULT))
        .fetch_one(connection)
        .await
}

/// Whether PostgreSQL ended one of several that stood in each other's way (`serialization_failure`,
/// `deadlock_detected`). Nothing of it has taken effect.
fn gave_up(code: Option<&str>) -> bool {
    matches!(code, Some("40001" | "40P01"))
}

/// What `commit_kv` says of a quota in the detail of its error.
fn quota_exceeded(error: &dyn DatabaseError) -> ServiceError {
    let error = error.try_downcast_ref::<PgDatabaseError>();
    let detail = error.and_then(PgDatabaseError::detail).unwrap_or_default();
    let read = |detail: &str| {
        let mut words = detail.split(' ');
        let quota = match words.next()? {
            "data_bytes_max" => Quota::DataBytes,
            "data_rows_max" => Quota::DataRows,
            _ => return None,
        };
        let mut number = || words.next()?.parse().ok();
        Some(QuotaExceeded {
            quota,
            used: number()?,
            max: number()?,
        })
    };
    match read(detail) {
        Some(exceeded) => ServiceError::QuotaExceeded(exceeded),
        None => refusal(&StoreError::Corrupt(format!("a quota in an error: {detail}"))),
    }
}

/// Removes some of what has expired by `now`, at most `rows_max`; tells how much that was. Nothing is left after 0.
pub(crate) async fn sweep(
    transaction: &mut Transaction,
    now: Timestamp,
    rows_max: usize,
) -> Result<u64, StoreError> {
    let removed: Option<(i64,)> = transaction.fetch_optional(SWEEP_KV, args![now, rows_max]).await?;
    Ok(removed.map_or(0, |(removed,)| u64::try_from(removed).unwrap_or(0)))
}

fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

async fn within(answer: impl Future<Output = Result<Answer, StoreError>>) -> Result<Answer, ServiceError> {
    tokio::time::timeout(READ_TIMEOUT, answer)
        .await
        .unwrap_or_else(|elapsed| Err(unavailable(elapsed)))
        .map_err(|error| refusal(&error))
}

impl TryFrom<Row> for KvItem {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            key: text("key", row.key)?,
            entry: KvEntry {
                value: value(row.kind, row.value)?,
                version: row.version,
                expires_at: row.expires_at,
            },
        })
    }
}
