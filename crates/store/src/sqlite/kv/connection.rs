//! Connections without a thread of their own.

use std::{
    path::{Path, PathBuf},
    sync::Mutex,
    time::Duration,
};

use picloud_shared::repository::StoreError;
use rusqlite::{Connection, Error, OpenFlags, config::DbConfig};

use super::lock;
use crate::{
    error::{Fault, unavailable},
    sqlite::fault,
};

/// How long a connection waits for another one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// `PRAGMA synchronous`: each commit is on disk when it returns.
const SYNCHRONOUS_FULL: i64 = 2;
/// `PRAGMA temp_store`: what a statement or a savepoint needs for a moment is in memory.
const TEMP_STORE_MEMORY: i64 = 2;
/// After a checkpoint the write-ahead log is cut back to this size.
const WAL_BYTES_KEPT: i64 = 16_777_216;
/// Memory for pages. Negative: in KiB.
const WRITER_CACHE: i64 = -2_000;
/// The same in each connection that reads.
const READER_CACHE: i64 = -500;
/// Prepared statements that a connection keeps.
const STATEMENTS_KEPT: usize = 64;

/// Connections that read; as many as there were callers at one time.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    /// None once it is closed.
    idle: Mutex<Option<Vec<Connection>>>,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            idle: Mutex::new(Some(Vec::new())),
        }
    }

    /// Lends a connection to `act`, on this thread. One that failed is not used again.
    pub(super) fn with<T>(&self, act: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        let idle = match &mut *lock(&self.idle) {
            Some(idle) => idle.pop(),
            None => return Err(Error::InvalidQuery),
        };
        let connection = match idle {
            Some(connection) => connection,
            None => open_reader(&self.path)?,
        };
        let result = act(&connection)?;
        if let Some(idle) = &mut *lock(&self.idle) {
            idle.push(connection);
        }
        Ok(result)
    }

    pub(super) fn close(&self) {
        *lock(&self.idle) = None;
    }
}

fn open_reader(path: &Path) -> Result<Connection, Error> {
    let connection = open(path, READER_CACHE)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// A connection that writes.
pub(super) fn open_writer(path: &Path) -> Result<Connection, Error> {
    let connection = open(path, WRITER_CACHE)?;
    connection.pragma_update(None, "synchronous", SYNCHRONOUS_FULL)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What a job of a batch changes is kept beside it, so that it can be undone alone: in memory, not in a file.
    connection.pragma_update(None, "temp_store", TEMP_STORE_MEMORY)?;
    // It answers with the new value, as not every pragma does.
    connection.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES_KEPT, |_| Ok(()))?;
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    if synchronous != SYNCHRONOUS_FULL {
        return Err(Error::InvalidQuery);
    }
    Ok(connection)
}

fn open(path: &Path, cache: i64) -> Result<Connection, Error> {
    // Each is used by one thread at a time.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // How something is found depends on the statement alone. Otherwise one with `LIMIT ?` is prepared anew each time that
    // it is used, in case that another limit wants another way.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cache_size", cache)?;
    Ok(connection)
}

/// What an error means to those who asked.
pub(crate) fn fault_of(error: Error) -> StoreError {
    let fault = match &error {
        Error::SqliteFailure(failure, _) => fault(failure.extended_code & 0xFF),
        Error::InvalidQuery => Fault::Away,
        Error::FromSqlConversionFailure(..) | Error::InvalidColumnType(..) | Error::Utf8Error(..) => {
            Fault::Damaged
        }
        _ => Fault::Program,
    };
    match fault {
        Fault::Away | Fault::Contended => unavailable(error),
        Fault::Full => StoreError::Full(error.into()),
        Fault::Damaged => StoreError::Corrupt(error.to_string()),
        Fault::Program => StoreError::Failed(error.into()),
    }
}
