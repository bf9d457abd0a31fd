//! What can go wrong, told apart as far as somebody can act on it.

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
};

use picloud_shared::repository::StoreError;
use sqlx::{postgres::PgDatabaseError, sqlite::SqliteError};

use crate::{postgres, sqlite};

type Cause = Box<dyn Error + Send + Sync>;

/// Why the store was not opened; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory is not there and cannot be made.
    #[error("cannot create the data directory {}; create it, or choose another one", .0.display())]
    CreateDir(PathBuf, #[source] io::Error),
    /// A file in the directory cannot be made or opened.
    #[error("cannot open {}; check who owns it and what its permissions are", .0.display())]
    OpenFile(PathBuf, #[source] io::Error),
    /// Another process has the directory.
    #[error(
        "another picloud{} is using {}; stop it first, or choose another data directory",
        .process.map(|id| format!(" (process {id})")).unwrap_or_default(),
        .dir.display()
    )]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// The process, if it left its number.
        process: Option<u32>,
    },
    /// The file is something else, or damaged at its start.
    #[error("{} is not an SQLite database; move it away, or restore it from a backup", .0.display())]
    NotADatabase(PathBuf),
    /// The SQLite that was built in has a bug that can damage databases.
    #[error(
        "this picloud was built with SQLite {found}, but at least {} is needed",
        sqlite::VERSION_MIN_TEXT
    )]
    SqliteTooOld {
        /// The version found.
        found: String,
    },
    /// SQLite did not take a setting that durability rests on.
    #[error("SQLite keeps {name} at `{found}` instead of `{wanted}`; the file system may not support it")]
    Setting {
        /// Which.
        name: &'static str,
        /// As it is.
        found: String,
        /// As it must be.
        wanted: &'static str,
    },
    /// The URL cannot be read. It is not repeated, because it may hold a password.
    #[error("the database URL is not valid; write it like postgres://user:password@host:5432/database")]
    Url(#[source] Cause),
    /// Nobody answers at the address.
    #[error("cannot reach PostgreSQL at {address}; check the address, and that the server is running")]
    Unreachable {
        /// Host and port, or the socket.
        address: String,
        /// What happened.
        #[source]
        source: Cause,
    },
    /// The server answers, but does not let us in.
    #[error("PostgreSQL at {address} refused the connection: {message}")]
    Refused {
        /// Host and port, or the socket.
        address: String,
        /// What the server says.
        message: String,
    },
    /// The server is too old.
    #[error(
        "PostgreSQL {found} is too old; version {} or newer is needed",
        postgres::VERSION_MIN
    )]
    PostgresTooOld {
        /// Its version.
        found: String,
    },
    /// The database cannot hold every text.
    #[error("the database has the encoding {found}; create it with ENCODING 'UTF8'")]
    Encoding {
        /// Its encoding.
        found: String,
    },
    /// A newer picloud was here.
    #[error("the database has schema {database}, this picloud knows up to {known}; use a newer picloud")]
    SchemaTooNew {
        /// The schema of the database.
        database: i64,
        /// The newest one that is known here.
        known: i64,
    },
    /// An older picloud has the database open, and its schema must not change meanwhile.
    #[error(
        "the database has schema {database}, this picloud needs {known}; restart the server with this picloud first"
    )]
    SchemaTooOld {
        /// The schema of the database.
        database: i64,
        /// The one that is needed here.
        known: i64,
    },
    /// The database could not be copied, and without a copy its schema is not changed.
    #[error("cannot copy the database to {} before its schema changes; is there enough space?", .path.display())]
    Backup {
        /// Where the copy belongs.
        path: PathBuf,
        /// What happened.
        #[source]
        source: Cause,
    },
    /// A step to the present schema failed. What was done before it stays, and the next start goes on there.
    #[error("cannot bring the database to schema {known}")]
    Migration {
        /// The schema that was wanted.
        known: i64,
        /// What happened.
        #[source]
        source: Cause,
    },
    /// Anything else.
    #[error("cannot open the database")]
    Failed(#[source] Cause),
}

impl OpenError {
    /// What an error of SQLite means while it is being opened.
    pub(crate) fn sqlite(path: &Path, error: sqlx::Error) -> Self {
        let code = match &error {
            sqlx::Error::Database(error) => error.try_downcast_ref().map(sqlite::code),
            _ => None,
        };
        match (code, error) {
            (Some(sqlite::NOTADB), _) => Self::NotADatabase(path.to_owned()),
            (Some(sqlite::CANTOPEN | sqlite::READONLY | sqlite::PERM), error) => {
                Self::OpenFile(path.to_owned(), io::Error::other(error))
            }
            (_, sqlx::Error::Configuration(error)) => match error.downcast() {
                Ok(error) => *error,
                Err(error) => Self::Failed(error),
            },
            (_, error) => Self::Failed(error.into()),
        }
    }

    /// What an error of PostgreSQL means while it is being opened.
    pub(crate) fn postgres(address: &str, error: sqlx::Error) -> Self {
        let address = address.to_owned();
        match error {
            sqlx::Error::Database(error) => Self::Refused {
                address,
                message: error.message().to_owned(),
            },
            error @ (sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut) => {
                Self::Unreachable {
                    address,
                    source: error.into(),
                }
            }
            error => Self::Failed(error.into()),
        }
    }
}

/// What an error of either database means to those who asked it something.
pub(crate) fn store_error(error: sqlx::Error) -> StoreError {
    use sqlx::Error as E;

    match error {
        E::Io(_) | E::Tls(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed => unavailable(error),
        E::ColumnDecode { .. } | E::Decode(_) => StoreError::Corrupt(error.to_string()),
        E::Database(error) => {
            let fault = if let Some(error) = error.try_downcast_ref::<SqliteError>() {
                sqlite::fault(sqlite::code(error))
            } else if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
                postgres::fault(error.code())
            } else {
                Fault::Program
            };
            match fault {
                Fault::Away => unavailable(E::Database(error)),
                Fault::Contended => StoreError::Contended(error.into()),
                Fault::Full => StoreError::Full(error.into()),
                Fault::Damaged => StoreError::Corrupt(error.to_string()),
                Fault::Program => StoreError::Failed(error.into()),
            }
        }
        error => StoreError::Failed(error.into()),
    }
}

/// Says that the database does not answer.
pub(crate) fn unavailable(error: impl Into<Cause>) -> StoreError {
    StoreError::Unavailable(error.into())
}

/// Whose fault an error of a database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is away, busy or stopping; asking again later may help.
    Away,
    /// None: it ended what stood in the way of others.
    Contended,
    /// Its disk is full.
    Full,
    /// Its files are damaged.
    Damaged,
    /// The statement was wrong.
    Program,
}
