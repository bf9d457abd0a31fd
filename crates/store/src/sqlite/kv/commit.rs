//! The commits of many runs, in one transaction.

use picloud_shared::{
    id::AppId,
    quota::{Kept, QuotaExceeded, Quotas},
    services::{Answer, Commit, ServiceError},
    time::Timestamp,
};
use rusqlite::{Connection, Error, OptionalExtension as _, params, params_from_iter};

use super::{
    connection::fault_of,
    read::{id, stale},
    room::Rooms,
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
    waiting: impl Iterator<Item = &'w Waiting> + Clone,
) -> Result<Vec<Result<Answer, ServiceError>>, Error> {
    let mut rooms = Rooms::default();
    let together = transaction(connection, waiting.clone(), |one| {
        if fits(connection, one, &mut rooms)? {
            return surely(connection, one);
        }
        alone(connection, one)
    })?;
    match together {
        Ok(answers) => Ok(answers),
        // One has failed from which nothing parted the others: each for itself.
        Err(_) => transaction(connection, waiting, |one| alone(connection, one))?,
    }
}

/// Does all of them in one transaction. The inner error is one of `act`, the outer one that of the transaction: in both
/// cases nothing has changed.
fn transaction<'w>(
    connection: &Connection,
    waiting: impl Iterator<Item = &'w Waiting>,
    act: impl FnMut(&'w Waiting) -> Result<Result<Answer, ServiceError>, Error>,
) -> Result<Result<Vec<Result<Answer, ServiceError>>, Error>, Error> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let answers = waiting.map(act).collect::<Result<Vec<_>, _>>();
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
    Ok(answers)
}

/// Whether what one of them writes is certainly no more than its app may keep, and its app is there.
fn fits(connection: &Connection, waiting: &Waiting, rooms: &mut Rooms) -> Result<bool, Error> {
    let Waiting { app, commit, .. } = waiting;
    rooms.take(*app, commit, || {
        let found = account(connection, *app)?;
        Ok(found.map(|(kept, quotas)| quotas.room_beside(kept)))
    })
}

/// Does one that fits, and writes keys alone: it is not refused once it has begun to write.
fn surely(connection: &Connection, waiting: &Waiting) -> Result<Result<Answer, ServiceError>, Error> {
    if let Some(key) = stale(connection, waiting.app, &waiting.commit, waiting.now)? {
        return Ok(Ok(Answer::Conflict { key }));
    }
    write_keys(connection, waiting)?;
    Ok(Ok(Answer::Committed))
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
    let app = waiting.app;
    if let Some(key) = stale(connection, app, &waiting.commit, waiting.now)? {
        return Ok(Ok(Answer::Conflict { key }));
    }
    let Some((before, quotas)) = account(connection, app)? else {
        return Ok(Err(ServiceError::AppGone));
    };
    write_keys(connection, waiting)?;
    if let Some(exceeded) = write_documents(connection, waiting)? {
        return Ok(Err(ServiceError::QuotaExceeded(exceeded)));
    }
    let Some((after, _)) = account(connection, app)? else {
        return Ok(Err(ServiceError::AppGone));
    };
    if let Err(exceeded) = quotas.check(before, after) {
        return Ok(Err(ServiceError::QuotaExceeded(exceeded)));
    }
    if let Some(record) = &waiting.commit.record {
        match Rows::of(record) {
            Ok(rows) => write_record(connection, &rows)?,
            Err(error) => return Ok(Err(refusal(&error))),
        }
    }
    Ok(Ok(Answer::Committed))
}

fn write_keys(connection: &Connection, waiting: &Waiting) -> Result<(), Error> {
    for one in &waiting.commit.writes {
        write(connection, waiting.app, one, waiting.now)?;
    }
    Ok(())
}

/// Writes the documents, up to a collection that is one too many.
fn write_documents(connection: &Connection, waiting: &Waiting) -> Result<Option<QuotaExceeded>, Error> {
    let Waiting { app, commit, now } = waiting;
    for collection in &commit.docs {
        let refused = docs::refused(connection, *app, collection)?;
        if refused.is_some() {
            return Ok(refused);
        }
        docs::write(connection, *app, collection, *now)?;
    }
    Ok(None)
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

#[cfg(test)]
mod tests {
    use picloud_shared::services::{Expiry, KvValue, Write};
    use uuid::Uuid;

    use super::*;

    const APP: AppId = AppId(Uuid::from_u128(1));

    /// What commits of keys need, in memory. Writing the key `bad` fails; so does, if `ends`, all of its transaction.
    fn database(ends: bool) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE apps (id BLOB NOT NULL PRIMARY KEY)")
            .unwrap();
        for migration in [
            include_str!("../../../migrations/sqlite/0009_kv.sql"),
            include_str!("../../../migrations/sqlite/0010_usage.sql"),
        ] {
            connection.execute_batch(migration).unwrap();
        }
        let action = if ends { "ROLLBACK" } else { "ABORT" };
        connection
            .execute_batch(&format!(
                "CREATE TRIGGER fails BEFORE INSERT ON kv WHEN new.key = CAST('bad' AS BLOB) \
                BEGIN SELECT RAISE({action}, 'as a test'); END"
            ))
            .unwrap();
        connection
            .execute("INSERT INTO apps (id) VALUES (?1)", params![id(&APP)])
            .unwrap();
        connection
    }

    fn writing(app: AppId, keys: &[&str]) -> Waiting {
        let writes = keys.iter().map(|key| Write {
            key: (*key).to_owned(),
            value: Some(KvValue::Json("1".to_owned())),
            expiry: Expiry::Never,
        });
        Waiting {
            app,
            commit: Commit {
                writes: writes.collect(),
                ..Commit::default()
            },
            now: Timestamp::from_micros(1),
        }
    }

    fn keys(connection: &Connection) -> Vec<String> {
        let mut statement = connection
            .prepare("SELECT CAST(key AS TEXT) FROM kv ORDER BY key")
            .unwrap();
        let keys = statement.query_map([], |row| row.get(0)).unwrap();
        keys.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn one_that_fails_half_way_takes_nobody_with_it() {
        let connection = database(false);
        let waiting = [
            writing(APP, &["a"]),
            writing(APP, &["b", "bad"]),
            writing(AppId(Uuid::from_u128(2)), &["c"]),
            writing(APP, &["d"]),
        ];
        let answers = commit_all(&connection, waiting.iter()).unwrap();
        let expected = [
            Ok(Answer::Committed),
            Err(ServiceError::Failed),
            Err(ServiceError::AppGone),
            Ok(Answer::Committed),
        ];
        assert_eq!(answers, expected);
        assert_eq!(keys(&connection), ["a", "d"]);
        let usage = "SELECT kv_bytes, kv_rows FROM app_usage";
        let kept: (i64, i64) = connection
            .query_row(usage, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        assert_eq!(kept, (4, 2));
    }

    #[test]
    fn when_the_transaction_ends_by_itself_nothing_is_written() {
        let connection = database(true);
        let waiting = [writing(APP, &["a"]), writing(APP, &["bad"])];
        assert!(commit_all(&connection, waiting.iter()).is_err());
        assert!(keys(&connection).is_empty());
        assert!(connection.is_autocommit());
    }

    #[test]
    fn what_may_be_too_much_is_counted_exactly() {
        let connection = database(false);
        let quota = "INSERT INTO app_quotas (app_id, data_rows_max) VALUES (?1, 2)";
        connection.execute(quota, params![id(&APP)]).unwrap();
        // The second one has to be looked at, and is found to make nothing more; the last one does.
        let waiting = [&["a", "b"][..], &["a"], &["b", "c"]].map(|keys| writing(APP, keys));
        let answers = commit_all(&connection, waiting.iter()).unwrap();
        assert_eq!(answers[..2], [Ok(Answer::Committed), Ok(Answer::Committed)]);
        assert!(matches!(answers[2], Err(ServiceError::QuotaExceeded(_))));
        assert_eq!(keys(&connection), ["a", "b"]);
    }
}
