//! Opening: the directory, the lock, the file, the connections.

use std::{
    fs::{DirBuilder, OpenOptions},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqlitePoolOptions},
};

use super::{
    kv::KeyValues,
    lock::DirLock,
    settings::{check, reader_options, writer_options},
};
use crate::{error::OpenError, migrate};

/// Connections that read; each is opened when it is first needed.
const READERS_MAX: u32 = 4;
/// How long a caller waits for its turn.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// An open database: one connection that writes, some that read, and the lock on the directory.
#[derive(Debug)]
pub(crate) struct Sqlite {
    pub(crate) writer: SqlitePool,
    pub(crate) readers: SqlitePool,
    pub(crate) kv: KeyValues,
    /// None beside another process that has it.
    lock: Option<DirLock>,
}

impl Sqlite {
    /// Opens the database for a process that has it to itself.
    pub(crate) async fn open(dir: &Path) -> Result<Self, OpenError> {
        make_dir(dir)?;
        let lock = DirLock::take(dir)?;
        Self::open_locked(dir, Some(lock)).await
    }

    /// Opens the database for a short piece of work, also beside the process that has it. What that process
    /// relies on stays as it is: the schema is never changed under it.
    pub(crate) async fn open_beside(dir: &Path) -> Result<Self, OpenError> {
        make_dir(dir)?;
        match DirLock::take(dir) {
            Ok(lock) => Self::open_locked(dir, Some(lock)).await,
            Err(OpenError::Locked { .. }) => Self::open_locked(dir, None).await,
            Err(error) => Err(error),
        }
    }

    async fn open_locked(dir: &Path, lock: Option<DirLock>) -> Result<Self, OpenError> {
        let path = dir.join("picloud.db");
        if is_new(&path)? {
            set_up(&path)
                .await
                .map_err(|error| OpenError::sqlite(&path, error))?;
        }

        let writer = pool(1)
            .connect_with(writer_options().filename(&path))
            .await
            .map_err(|error| OpenError::sqlite(&path, error))?;
        let mut connection = writer
            .acquire()
            .await
            .map_err(|error| OpenError::sqlite(&path, error))?;
        if lock.is_some() {
            migrate::sqlite(&mut connection, &path).await?;
        } else {
            migrate::sqlite_is_current(&mut connection).await?;
        }
        drop(connection);

        let readers = pool(READERS_MAX).connect_lazy_with(reader_options().filename(&path));
        Ok(Self {
            kv: KeyValues::new(&path, writer.clone()),
            writer,
            readers,
            lock,
        })
    }

    /// The writer goes last: closing the last connection takes the write-ahead log into the database.
    pub(crate) async fn close(&self) {
        self.kv.close().await;
        self.readers.close().await;
        self.writer.close().await;
        if let Some(lock) = &self.lock {
            lock.release();
        }
    }
}

fn make_dir(dir: &Path) -> Result<(), OpenError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| OpenError::CreateDir(dir.to_owned(), error))
}

/// Connections stay open: looking for idle ones would be work in an idle process.
fn pool(connections_max: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .before_acquire(|connection, _| Box::pin(is_at_rest(connection)))
        .after_connect(|connection, _| Box::pin(check(connection)))
}

/// Whether a connection is in no transaction. SQLite ends a transaction by itself when the disk is full or fails; then
/// sqlx cannot end it, takes it for open ever after, and can begin no other. Such a connection is closed.
async fn is_at_rest(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        // One that was dropped is rolled back by the connection's own thread, perhaps only now.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

/// Makes the file for its owner alone if it is not there. SQLite gives its other files the same permissions.
fn is_new(path: &PathBuf) -> Result<bool, OpenError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path);
    file.and_then(|file| file.metadata())
        .map(|data| data.len() == 0)
        .map_err(|error| OpenError::OpenFile(path.clone(), error))
}

/// Sets what can only be set in a file without tables. On any other it would be a write at each start.
async fn set_up(path: &Path) -> Result<(), sqlx::Error> {
    SqliteConnectOptions::new()
        .filename(path)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .connect()
        .await?
        .close()
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn run(database: &Sqlite, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&database.writer).await.unwrap();
    }

    #[tokio::test]
    async fn a_transaction_that_sqlite_has_ended_by_itself_does_not_stand_in_the_way_of_others() {
        let dir = tempfile::tempdir().unwrap();
        let database = Sqlite::open(dir.path()).await.unwrap();
        run(&database, "CREATE TABLE filler (b BLOB)").await;
        // No more than there are.
        run(&database, "PRAGMA max_page_count = 1").await;
        let fill = "INSERT INTO filler VALUES (zeroblob(1000000))";
        let mut transaction = database.writer.begin_with("BEGIN IMMEDIATE").await.unwrap();
        assert!(sqlx::raw_sql(fill).execute(&mut *transaction).await.is_err());
        drop(transaction);

        // The limit was that of a connection that is not used again.
        let mut transaction = database.writer.begin_with("BEGIN IMMEDIATE").await.unwrap();
        sqlx::raw_sql(fill).execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
        database.close().await;
    }

    #[tokio::test]
    async fn a_transaction_that_was_dropped_costs_no_connection() {
        let dir = tempfile::tempdir().unwrap();
        let database = Sqlite::open(dir.path()).await.unwrap();
        run(&database, "PRAGMA max_page_count = 12345").await;
        drop(database.writer.begin_with("BEGIN IMMEDIATE").await.unwrap());
        let pages: i64 = sqlx::query_scalar("PRAGMA max_page_count")
            .fetch_one(&database.writer)
            .await
            .unwrap();
        assert_eq!(pages, 12_345);
        database.close().await;
    }
}
