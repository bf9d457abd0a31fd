//! What is read, and whether it is as it was.

use picloud_shared::{
    id::AppId,
    repository::StoreError,
    services::{Answer, Commit, KvEntry, KvItem, LIST_BYTES_MAX, Question, list_bounds},
    time::Timestamp,
};
use rusqlite::{Connection, Error, OptionalExtension as _, Row, params, types::Type};

use crate::{
    kv::{text, value},
    sqlite::docs::read as docs,
    statements::statements,
};

statements! {
    GET_KV = "SELECT kind, value, version, expires_at FROM kv \
        WHERE app_id = ?1 AND key = ?2 AND (expires_at IS NULL OR expires_at > ?3)";
    LIST_KV = "SELECT kind, value, version, expires_at, key FROM kv WHERE app_id = ?1 AND key >= ?2 AND key < ?3 \
        AND (expires_at IS NULL OR expires_at > ?4) ORDER BY key LIMIT ?5";
    VERSION_OF_KEY = "SELECT version FROM kv \
        WHERE app_id = ?1 AND key = ?2 AND (expires_at IS NULL OR expires_at > ?3)";
    VERSIONS_IN_RANGE = "SELECT version FROM kv WHERE app_id = ?1 AND key >= ?2 AND key < ?3 \
        AND (expires_at IS NULL OR expires_at > ?4)";
}

/// Answers a question that changes nothing. What one answer holds is of one moment.
pub(super) fn answer(
    connection: &Connection,
    app: AppId,
    question: &Question,
    now: Timestamp,
) -> Result<Answer, Error> {
    match question {
        Question::KvGet { keys } => {
            // A statement on its own sees one moment anyway.
            let _moment = (keys.len() > 1)
                .then(|| connection.unchecked_transaction())
                .transpose()?;
            let entries = keys.iter().map(|key| get(connection, app, key, now));
            Ok(Answer::Entries {
                entries: entries.collect::<Result<_, _>>()?,
            })
        }
        Question::KvList { prefix, after, limit } => {
            list(connection, app, prefix, after.as_deref(), *limit, now)
        }
        Question::Docs(question) => docs::answer(connection, app, question).map(Answer::Docs),
        Question::Commit(commit) => {
            let _moment = connection.unchecked_transaction()?;
            Ok(match stale(connection, app, commit, now)? {
                None => Answer::Committed,
                Some(key) => Answer::Conflict { key },
            })
        }
        // Others answer these before any database is asked, if anybody does.
        Question::Secret { .. } | Question::Http { .. } | Question::Email { .. } | Question::Password(_) => {
            Err(Error::InvalidQuery)
        }
    }
}

/// What a key has.
pub(super) fn get(
    connection: &Connection,
    app: AppId,
    key: &str,
    now: Timestamp,
) -> Result<Option<KvEntry>, Error> {
    connection
        .prepare_cached(GET_KV)?
        .query_row(params![id(&app), key.as_bytes(), now.as_micros()], entry)
        .optional()
}

fn list(
    connection: &Connection,
    app: AppId,
    prefix: &str,
    after: Option<&str>,
    limit: u32,
    now: Timestamp,
) -> Result<Answer, Error> {
    let (low, high) = list_bounds(prefix, after);
    let mut statement = connection.prepare_cached(LIST_KV)?;
    // One more than is wanted tells whether there are more.
    let mut rows = statement.query(params![
        id(&app),
        low,
        high,
        now.as_micros(),
        i64::from(limit) + 1
    ])?;
    let mut items = Vec::new();
    let mut bytes = 0;
    let mut more = false;
    while let Some(row) = rows.next()? {
        more = items.len() == limit as usize || bytes > LIST_BYTES_MAX;
        if more {
            break;
        }
        let key = text("key", row.get(4)?).map_err(corrupt)?;
        let entry = entry(row)?;
        bytes += key.len() + entry.value.bytes();
        items.push(KvItem { key, entry });
    }
    Ok(Answer::Page { items, more })
}

/// A key, or something of a collection, that is not as the run has read it, if there is one.
pub(super) fn stale(
    connection: &Connection,
    app: AppId,
    commit: &Commit,
    now: Timestamp,
) -> Result<Option<String>, Error> {
    for read in &commit.keys {
        let version: Option<i64> = connection
            .prepare_cached(VERSION_OF_KEY)?
            .query_row(params![id(&app), read.key.as_bytes(), now.as_micros()], |row| {
                row.get(0)
            })
            .optional()?;
        if version != read.version {
            return Ok(Some(read.key.clone()));
        }
    }
    for range in &commit.ranges {
        let (low, high) = range.bounds();
        let mut statement = connection.prepare_cached(VERSIONS_IN_RANGE)?;
        let mut rows = statement.query(params![id(&app), low, high, now.as_micros()])?;
        let (mut count, mut mark) = (0, 0);
        while let Some(row) = rows.next()? {
            count += 1;
            mark ^= row.get::<_, i64>(0)?;
        }
        if (count, mark) != (range.count, range.mark) {
            return Ok(Some(range.prefix.clone()));
        }
    }
    for collection in &commit.docs {
        let stale = docs::stale(connection, app, collection)?;
        if stale.is_some() {
            return Ok(stale);
        }
    }
    Ok(None)
}

/// An id as it is stored.
pub(crate) fn id(app: &AppId) -> &[u8] {
    app.0.as_bytes()
}

fn entry(row: &Row<'_>) -> Result<KvEntry, Error> {
    Ok(KvEntry {
        value: value(row.get(0)?, row.get(1)?).map_err(corrupt)?,
        version: row.get(2)?,
        expires_at: row.get(3)?,
    })
}

/// That what is stored cannot be read.
pub(crate) fn corrupt(error: StoreError) -> Error {
    Error::FromSqlConversionFailure(0, Type::Blob, Box::new(error))
}
