//! The commit of a run, as a part of a batch.

use picloud_shared::{
    id::AppId,
    quota::{Kept, QuotaExceeded, Quotas},
    services::{Answer, Commit, ServiceError},
    time::Timestamp,
};
use rusqlite::{Connection, Error, OptionalExtension as _, params, params_from_iter};

use super::{
    read::{id, stale},
    room::Rooms,
    writes::write,
};
use crate::{
    audit::WithCommit,
    events::Refused,
    executions::record::{self, Rows},
    kv::refusal,
    quotas,
    sqlite::{
        docs::writes as docs,
        events::{self, Bound},
        messages,
    },
    statements::statements,
    value::Value,
};

statements! {
    /// Nothing if the app is gone.
    ACCOUNT = "SELECT COALESCE(u.kv_bytes + u.docs_bytes, 0), COALESCE(u.kv_rows + u.docs_rows, 0), \
        q.data_bytes_max, q.data_rows_max FROM apps a \
        LEFT JOIN app_usage u ON u.app_id = a.id AND u.shard = 0 LEFT JOIN app_quotas q ON q.app_id = a.id \
        WHERE a.id = ?1";
}

/// One commit that waits.
pub(super) struct Waiting {
    pub(super) app: AppId,
    pub(super) commit: Commit,
    pub(super) now: Timestamp,
}

/// Whether what one of them writes is certainly no more than its app may keep, and its app is there.
pub(super) fn fits(connection: &Connection, waiting: &Waiting, rooms: &mut Rooms) -> Result<bool, Error> {
    let Waiting { app, commit, .. } = waiting;
    rooms.take(*app, commit, || {
        let found = account(connection, *app)?;
        Ok(found.map(|(kept, quotas)| quotas.room_beside(kept)))
    })
}

/// Does one that fits, and writes keys alone: it is not refused once it has begun to write.
pub(super) fn surely(
    connection: &Connection,
    waiting: &Waiting,
) -> Result<Result<Answer, ServiceError>, Error> {
    if let Some(key) = stale(connection, waiting.app, &waiting.commit, waiting.now)? {
        return Ok(Ok(Answer::Conflict { key }));
    }
    write_keys(connection, waiting)?;
    Ok(Ok(Answer::Committed))
}

/// Compares what the run has read, and writes what it writes. Whatever it has written is undone by the caller, unless it
/// is committed.
pub(super) fn commit(
    connection: &Connection,
    waiting: &Waiting,
) -> Result<Result<Answer, ServiceError>, Error> {
    let Waiting { app, commit, now } = waiting;
    for held in &commit.held {
        if !events::holds(connection, *held)? {
            return Ok(Ok(Answer::LeaseLost));
        }
    }
    for ack in &commit.acks {
        if !events::acknowledge(connection, *app, ack, *now)? {
            return Ok(Ok(Answer::LeaseLost));
        }
    }
    if let Some(key) = stale(connection, *app, commit, *now)? {
        return Ok(Ok(Answer::Conflict { key }));
    }
    if !commit.keeps_data_as_it_is()
        && let Err(refused) = write_data(connection, waiting)?
    {
        return Ok(Err(refused));
    }
    if !commit.emits.is_empty() {
        match events::publish(connection, *app, &commit.emits, Bound::Kept, *now)? {
            Ok(()) => {}
            Err(Refused::NoApp) => return Ok(Err(ServiceError::AppGone)),
            Err(Refused::Full | Refused::KeyReused) => return Ok(Err(ServiceError::QueueFull)),
        }
    }
    if !commit.messages.is_empty()
        && let Err(refused) = messages::insert(connection, *app, &commit.messages, *now)?
    {
        return Ok(Err(refused));
    }
    if let Some(record) = &waiting.commit.record {
        match Rows::of(record) {
            Ok(rows) => write_record(connection, &rows)?,
            Err(error) => return Ok(Err(refusal(&error))),
        }
    }
    if let Some(recorded) = &waiting.commit.audit {
        match WithCommit::of(*app, recorded) {
            Ok(record) => record.append_to_sqlite(connection)?,
            Err(error) => return Ok(Err(refusal(&error))),
        }
    }
    Ok(Ok(Answer::Committed))
}

/// Writes keys and documents, within the quotas of the app.
fn write_data(connection: &Connection, waiting: &Waiting) -> Result<Result<(), ServiceError>, Error> {
    let Some((before, quotas)) = account(connection, waiting.app)? else {
        return Ok(Err(ServiceError::AppGone));
    };
    write_keys(connection, waiting)?;
    if let Some(exceeded) = write_documents(connection, waiting)? {
        return Ok(Err(ServiceError::QuotaExceeded(exceeded)));
    }
    let Some((after, _)) = account(connection, waiting.app)? else {
        return Ok(Err(ServiceError::AppGone));
    };
    Ok(quotas.check(before, after).map_err(ServiceError::QuotaExceeded))
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
    use tokio::sync::oneshot;
    use uuid::Uuid;

    use super::{
        super::batch::{Job, write_all},
        *,
    };

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

    /// Commits all of them at one time; gives whether that went well, and what each is told.
    fn commit_all(
        connection: &Connection,
        waiting: impl IntoIterator<Item = Waiting>,
    ) -> (bool, Vec<Result<Answer, ServiceError>>) {
        let jobs = waiting.into_iter().map(|waiting| {
            let (answer, answered) = oneshot::channel();
            let job = Job::Commit {
                waiting: Box::new(waiting),
                answer,
                found: None,
            };
            (job, answered)
        });
        let (jobs, answers): (Vec<_>, Vec<_>) = jobs.unzip();
        let ended = write_all(connection, jobs);
        let is_well = ended.is_well();
        ended.tell();
        let told = answers
            .into_iter()
            .map(|mut answered| answered.try_recv().unwrap());
        (is_well, told.collect())
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
        let (_, answers) = commit_all(&connection, waiting);
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
        assert!(!commit_all(&connection, waiting).0);
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
        let (_, answers) = commit_all(&connection, waiting);
        assert_eq!(answers[..2], [Ok(Answer::Committed), Ok(Answer::Committed)]);
        assert!(matches!(answers[2], Err(ServiceError::QuotaExceeded(_))));
        assert_eq!(keys(&connection), ["a", "b"]);
    }
}
