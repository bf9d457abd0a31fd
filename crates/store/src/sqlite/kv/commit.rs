//! The commits of many runs, in one transaction.

use picloud_shared::{
    id::AppId,
    services::{Answer, Commit, ServiceError},
    time::Timestamp,
};
use rusqlite::{Connection, Error};

use super::{
    read::stale,
    writes::{has_app, write},
};

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
        .map(|one| commit(connection, one))
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

fn commit(connection: &Connection, waiting: &Waiting) -> Result<Result<Answer, ServiceError>, Error> {
    let Waiting { app, commit, now } = waiting;
    if let Some(key) = stale(connection, *app, commit, *now)? {
        return Ok(Ok(Answer::Conflict { key }));
    }
    if !has_app(connection, *app)? {
        return Ok(Err(ServiceError::AppGone));
    }
    for one in &commit.writes {
        write(connection, *app, one, *now)?;
    }
    Ok(Ok(Answer::Committed))
}
