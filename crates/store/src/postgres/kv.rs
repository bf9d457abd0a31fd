//! Keys and values on PostgreSQL: each question is one call.

use std::time::Duration;

use picloud_shared::{
    id::AppId,
    quota::{DATA_BYTES_DEFAULT, DATA_ROWS_DEFAULT},
    repository::StoreError,
    services::{
        Answer, Commit, KvEntry, KvItem, LIST_BYTES_MAX, Question, ReadRange, ServiceError, list_bounds,
    },
    time::Timestamp,
};
use sqlx::{Connection as _, PgConnection};

use super::{
    Postgres, docs,
    ending::{Ending, ending, query},
    failure::Failure,
    messages,
};
use crate::{
    audit::WithCommit,
    db::{Transaction, bounded},
    error::{store_error, unavailable},
    kv::{bytes, kind, new_version, refusal, text, value},
    statements::statements,
    value::args,
};

/// How long a script waits for a connection, and for what it reads, before it hears that the database is away.
const READ_TIMEOUT: Duration = Duration::from_secs(2);
/// Keys beyond which a commit has the app to itself, as `commit_kv` does it.
const KEYS_LOCKED_MAX: usize = 32;
/// How often a commit is sent that PostgreSQL gave up for another one.
const TRIES_MAX: usize = 5;

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
    COMMIT_KV_ENDING = ending!("commit_kv($41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51, $52, $53, $54, \
        $55, $56)");
    END_RUN = ending!("NULL::BYTEA");
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
            Question::Docs(question) => {
                within(async { self.answer_docs(app, &question).await.map(Answer::Docs) }).await
            }
            Question::Commit(commit) => self.commit(app, &commit, now).await,
            // Others answer these before any database is asked, if anybody does.
            Question::Secret { .. }
            | Question::Http { .. }
            | Question::Email { .. }
            | Question::Password(_) => Err(ServiceError::Failed),
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
        let Some(_turn) = self.turns.wait(app).await else {
            return Ok(in_the_way(commit));
        };
        let mut connection = tokio::time::timeout(READ_TIMEOUT, self.pool.acquire())
            .await
            .map_err(|elapsed| refusal(&unavailable(elapsed)))?
            .map_err(|error| refusal(&store_error(error)))?;
        let ending = Ending::of(app, commit, now).map_err(|error| refusal(&error))?;
        let ending = ending.as_ref();
        for _ in 0..TRIES_MAX {
            let error = match bounded(send_whole(&mut connection, app, commit, ending, now)).await {
                Ok(Err(refused)) => return Err(refused),
                Ok(Ok(None)) => {
                    if !commit.emits.is_empty() {
                        self.hints.tell(&self.pool);
                    }
                    return Ok(Answer::Committed);
                }
                Ok(Ok(Some(key))) => return Ok(Answer::Conflict { key }),
                Err(error) => error,
            };
            match Failure::of(&error) {
                Failure::GaveUp => {}
                Failure::Waited => return Ok(in_the_way(commit)),
                Failure::AppGone => return Err(ServiceError::AppGone),
                Failure::QueueFull => return Err(ServiceError::QueueFull),
                Failure::LeaseLost => return Ok(Answer::LeaseLost),
                Failure::Quota(exceeded) => return Err(ServiceError::QuotaExceeded(exceeded)),
                Failure::Unknown if !commit.writes_nothing() => {
                    // The server may still be at it.
                    connection.close_on_drop();
                    tracing::error!(%error, "whether a commit has taken effect is not known");
                    return Err(ServiceError::CommitUnknown);
                }
                Failure::Unknown | Failure::KeyReused | Failure::Other => {
                    return Err(refusal(&store_error(error)));
                }
            }
        }
        Ok(in_the_way(commit))
    }
}

/// Others stood in the way of `commit` for too long: as if something that it names had changed.
fn in_the_way(commit: &Commit) -> Answer {
    let written = commit.writes.iter().map(|write| &write.key);
    let read = commit.keys.iter().map(|read| &read.key);
    let listed = commit.ranges.iter().map(|range| &range.prefix);
    let documents = commit.docs.iter().map(|collection| &collection.name);
    let key = written.chain(read).chain(listed).chain(documents).next();
    Answer::Conflict {
        key: key.cloned().unwrap_or_default(),
    }
}

/// Commits all of it; with messages, and with what the audit log has of it, in one transaction with these.
async fn send_whole(
    connection: &mut PgConnection,
    app: AppId,
    commit: &Commit,
    ending: Option<&Ending<'_>>,
    now: Timestamp,
) -> Result<Result<Option<String>, ServiceError>, sqlx::Error> {
    if commit.messages.is_empty() && commit.audit.is_none() {
        return send_all(connection, app, commit, ending, now).await.map(Ok);
    }
    let mut transaction = connection.begin().await?;
    let stale = send_all(&mut transaction, app, commit, ending, now).await?;
    if stale.is_some() {
        return Ok(Ok(stale));
    }
    if let Err(refused) = messages::insert(&mut transaction, app, &commit.messages, now).await? {
        return Ok(Err(refused));
    }
    if let Some(recorded) = &commit.audit {
        match WithCommit::of(app, recorded) {
            Ok(record) => record.append_to_postgres(&mut transaction).await?,
            Err(error) => return Ok(Err(refusal(&error))),
        }
    }
    transaction.commit().await?;
    Ok(Ok(None))
}

/// Commits keys and documents: in one call if they are of one kind, and otherwise in one transaction. The locks of
/// documents are always taken first, in the order of their collections, and those of keys after them. What a commit
/// does beside its data goes with the last call.
async fn send_all(
    connection: &mut PgConnection,
    app: AppId,
    commit: &Commit,
    ending: Option<&Ending<'_>>,
    now: Timestamp,
) -> Result<Option<String>, sqlx::Error> {
    let has_keys = !(commit.keys.is_empty() && commit.ranges.is_empty() && commit.writes.is_empty());
    match (commit.docs.as_slice(), has_keys) {
        ([], false) if ending.is_some() => {
            let stale = query(END_RUN, END_RUN, ending)
                .fetch_one(&mut *connection)
                .await?;
            return Ok(stale.map(|_| String::new()));
        }
        ([], _) => return send(connection, app, commit, ending, now).await,
        ([collection], false) => {
            let is_alone = docs::needs_app(&commit.docs);
            return docs::commit(connection, app, collection, ending, is_alone, now).await;
        }
        _ => {}
    }
    let mut transaction = connection.begin().await?;
    // What needs the app alone in the end asks for it at the beginning.
    let is_alone = docs::needs_app(&commit.docs)
        || has_keys
            && (!commit.ranges.is_empty() || commit.keys.len() + commit.writes.len() > KEYS_LOCKED_MAX);
    let last = if has_keys {
        None
    } else {
        commit.docs.len().checked_sub(1)
    };
    for (number, collection) in commit.docs.iter().enumerate() {
        let ending = ending.filter(|_| Some(number) == last);
        let stale = docs::commit(&mut transaction, app, collection, ending, is_alone, now).await?;
        if stale.is_some() {
            return Ok(stale);
        }
    }
    if has_keys {
        let stale = send(&mut transaction, app, commit, ending, now).await?;
        if stale.is_some() {
            return Ok(stale);
        }
    }
    transaction.commit().await?;
    Ok(None)
}

async fn send(
    connection: &mut PgConnection,
    app: AppId,
    commit: &Commit,
    ending: Option<&Ending<'_>>,
    now: Timestamp,
) -> Result<Option<String>, sqlx::Error> {
    let now = now.as_micros();
    let Commit {
        keys, ranges, writes, ..
    } = commit;
    let (lows, highs): (Vec<_>, Vec<_>) = ranges.iter().map(ReadRange::bounds).unzip();
    let puts = || {
        let puts = writes.iter();
        puts.filter_map(|write| write.value.as_ref().map(|value| (write, value)))
    };
    let deleted = writes.iter().filter(|write| write.value.is_none());
    let stale = query(COMMIT_KV, COMMIT_KV_ENDING, ending)
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
        .await?;
    Ok(stale.map(|key| String::from_utf8_lossy(&key).into_owned()))
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

pub(super) fn count(count: u64) -> i64 {
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
