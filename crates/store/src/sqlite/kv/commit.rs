//! The commits of many runs, in one transaction.

use picloud_shared::{
    id::AppId,
    quota::{Kept, Quotas},
    services::{Answer, Commit, ServiceError},
    time::Timestamp,
};
use rusqlite::{Connection, Error, OptionalExtension as _, params, params_from_iter};

use super::{
    connection::fault_of,
    read::{id, stale},
    writes::write,
};
use crate::{
    executions::record::{self, Rows},
    kv::refusal,
    quotas,
    sqlite::docs::writes as docs,
    statements::statements,
    value::Value,
};

statements! {
    /// Nothing if the app is gone.
    ACCOUNT = "SELECT COALESCE(u.kv_bytes + u.docs_bytes, 0), COALESCE(u.kv_rows + u.docs_rows, 0), \
        q.data_bytes_max, q.data_rows_max FROM apps a \
        LEFT JOIN app_usage u ON u.app_id = a.id AND u.shard = 0 LEFT JOIN app_quotas q ON q.app_id = a.id \
        WHERE a.id = ?1";
    BEGIN_ONE = "SAVEPOINT one";
    KEEP_ONE = "RELEASE one";
    UNDO_ONE = "ROLLBACK TO one";
}

/// One commit that waits.
pub(super) struct Waiting {
    pub(super) app: AppId,
    pub(super) commit: Commit,
    pub(super) now: Timestamp,
}

/// Does them one after the other, each against what those before it have left, and flushes once. An error is that of
/// all of them: then nothing has changed.
pub(super) fn commit_all<'w>(
    connection: &Connection,
    waiting: impl Iterator<Item = &'w Waiting>,
) -> Result<Vec<Result<Answer, ServiceError>>, Error> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let answers = waiting
        .map(|one| alone(connection, one))
        .collect::<Result<Vec<_>, _>>();
    let has_written = |answers: &Vec<_>| answers.contains(&Ok(Answer::Committed));
    let done = match &answers {
        Ok(answers) if has_written(answers) => connection.execute_batch("COMMIT"),
        _ => Ok(()),
    };
    if !connection.is_autocommit() {
        // Of what did not end well nothing remains. If even that fails, the connection is not used again.
        connection.execute_batch("ROLLBACK")?;
    }
    done?;
    answers
}

/// Does one of them so that nothing remains of it if it is refused, or fails. An error is one that ended the
/// transaction of all.
fn alone(connection: &Connection, waiting: &Waiting) -> Result<Result<Answer, ServiceError>, Error> {
    let run = |sql| connection.prepare_cached(sql)?.execute([]);
    run(BEGIN_ONE)?;
    let answer = match commit(connection, waiting) {
        Ok(answer) => answer,
        Err(error) if connection.is_autocommit() => return Err(error),
        Err(error) => Err(refusal(&fault_of(error))),
    };
    if answer != Ok(Answer::Committed) {
        run(UNDO_ONE)?;
    }
    run(KEEP_ONE)?;
    Ok(answer)
}

fn commit(connection: &Connection, waiting: &Waiting) -> Result<Result<Answer, ServiceError>, Error> {
    let Waiting { app, commit, now } = waiting;
    if let Some(key) = stale(connection, *app, commit, *now)? {
        return Ok(Ok(Answer::Conflict { key }));
    }
    let Some((before, quotas)) = account(connection, *app)? else {
        return Ok(Err(ServiceError::AppGone));
    };
    for one in &commit.writes {
        write(connection, *app, one, *now)?;
    }
    for collection in &commit.docs {
        if let Some(exceeded) = docs::refused(connection, *app, collection)? {
            return Ok(Err(ServiceError::QuotaExceeded(exceeded)));
        }
        docs::write(connection, *app, collection, *now)?;
    }
    let Some((after, _)) = account(connection, *app)? else {
        return Ok(Err(ServiceError::AppGone));
    };
    if let Err(exceeded) = quotas.check(before, after) {
        return Ok(Err(ServiceError::QuotaExceeded(exceeded)));
    }
    if let Some(record) = &commit.record {
        match Rows::of(record) {
            Ok(rows) => write_record(connection, &rows)?,
            Err(error) => return Ok(Err(refusal(&error))),
        }
    }
    Ok(Ok(Answer::Committed))
}

/// Writes the record of the run, unless there is one already: the client may have left before the commit.
fn write_record(connection: &Connection, rows: &Rows) -> Result<(), Error> {
    let insert =
        |sql, values: &[Value<'_>]| connection.prepare_cached(sql)?.execute(params_from_iter(values));
    if insert(record::EXECUTION, &rows.execution)? == 1 {
        insert(record::PAYLOAD, &rows.payload)?;
    }
    Ok(())
}

/// What the app keeps and may keep; nothing if it is gone.
fn account(connection: &Connection, app: AppId) -> Result<Option<(Kept, Quotas)>, Error> {
    connection
        .prepare_cached(ACCOUNT)?
        .query_row(params![id(&app)], |row| {
            Ok((
                quotas::kept(row.get(0)?, row.get(1)?),
                quotas::quotas(row.get(2)?, row.get(3)?),
            ))
        })
        .optional()
}
