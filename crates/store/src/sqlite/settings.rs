//! The settings of a connection, and that they were taken.

use std::time::Duration;

use sqlx::{
    SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::{error::OpenError, statements::statements};

/// Versions before this can damage a database in WAL mode when a commit meets a checkpoint.
const VERSION_MIN: [u32; 3] = [3, 51, 3];
/// The same, for people.
pub(crate) const VERSION_MIN_TEXT: &str = "3.51.3";
/// How long a connection waits for another one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// After a checkpoint the write-ahead log is cut back to this size.
const WAL_BYTES_KEPT: &str = "16777216";
/// Memory for pages of the database in the connection that writes. Negative: in KiB.
const WRITER_CACHE: &str = "-2000";
/// The same in each connection that reads.
const READER_CACHE: &str = "-500";
/// Rows that a connection may be ahead of who reads them. A larger number means fewer switches between
/// threads when all live releases are read.
const ROWS_AHEAD: usize = 256;

statements! {
    /// Reads back what `options` set.
    SETTINGS = "SELECT sqlite_version() AS version, \
        (SELECT journal_mode FROM pragma_journal_mode) AS journal_mode, \
        (SELECT synchronous FROM pragma_synchronous) AS synchronous, \
        (SELECT foreign_keys FROM pragma_foreign_keys) AS foreign_keys, \
        (SELECT timeout FROM pragma_busy_timeout) AS busy_timeout, \
        (SELECT trusted_schema FROM pragma_trusted_schema) AS trusted_schema";
}

#[derive(sqlx::FromRow)]
struct Settings {
    version: String,
    journal_mode: String,
    synchronous: i64,
    foreign_keys: i64,
    busy_timeout: i64,
    trusted_schema: i64,
}

/// The settings of the connection that writes.
pub(super) fn writer_options() -> SqliteConnectOptions {
    options()
        .pragma("cache_size", WRITER_CACHE)
        // What was deleted or sealed must not stay readable in the file.
        .pragma("secure_delete", "FAST")
        .thread_name(|_| "sqlite-writer".to_owned())
}

/// The settings of the connections that read. They cannot write.
pub(super) fn reader_options() -> SqliteConnectOptions {
    options()
        .pragma("cache_size", READER_CACHE)
        .pragma("query_only", "ON")
        .thread_name(|number| format!("sqlite-{number}"))
}

fn options() -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("trusted_schema", "OFF")
        .pragma("journal_size_limit", WAL_BYTES_KEPT)
        .row_buffer_size(ROWS_AHEAD)
}

/// Compares the settings of a connection with those it must have.
pub(super) async fn check(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let settings: Settings = sqlx::query_as(SETTINGS).fetch_one(connection).await?;
    refuse(&settings).map_or(Ok(()), |error| Err(sqlx::Error::Configuration(error.into())))
}

fn refuse(settings: &Settings) -> Option<OpenError> {
    if !is_new_enough(&settings.version) {
        return Some(OpenError::SqliteTooOld {
            found: settings.version.clone(),
        });
    }
    [
        ("journal_mode", settings.journal_mode.clone(), "wal"),
        ("synchronous", settings.synchronous.to_string(), "2"),
        ("foreign_keys", settings.foreign_keys.to_string(), "1"),
        ("busy_timeout", settings.busy_timeout.to_string(), "5000"),
        ("trusted_schema", settings.trusted_schema.to_string(), "0"),
    ]
    .into_iter()
    .find(|(_, found, wanted)| found != wanted)
    .map(|(name, found, wanted)| OpenError::Setting { name, found, wanted })
}

fn is_new_enough(version: &str) -> bool {
    let numbers: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    numbers.as_slice() >= VERSION_MIN.as_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Settings {
        Settings {
            version: "3.51.3".to_owned(),
            journal_mode: "wal".to_owned(),
            synchronous: 2,
            foreign_keys: 1,
            busy_timeout: 5_000,
            trusted_schema: 0,
        }
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(
            VERSION_MIN.map(|part| part.to_string()).join("."),
            VERSION_MIN_TEXT
        );
        for (version, expected) in [("3.51.3", true), ("3.100.0", true), ("4.0.0", true)] {
            assert_eq!(is_new_enough(version), expected, "{version}");
        }
        for version in ["3.51.2", "3.9.10", "3.51", "", "x"] {
            assert!(!is_new_enough(version), "{version}");
        }
    }

    #[test]
    fn a_setting_that_was_not_taken_is_named() {
        assert!(refuse(&good()).is_none());
        let refused = |settings: Settings| {
            refuse(&settings)
                .map(|error| error.to_string())
                .unwrap_or_default()
        };
        let old = refused(Settings {
            version: "3.46.0".to_owned(),
            ..good()
        });
        assert!(old.contains("3.46.0") && old.contains("3.51.3"), "{old}");
        let delete = refused(Settings {
            journal_mode: "delete".to_owned(),
            ..good()
        });
        assert!(
            delete.contains("journal_mode") && delete.contains("`delete`"),
            "{delete}"
        );
        let normal = refused(Settings {
            synchronous: 1,
            ..good()
        });
        assert!(normal.contains("synchronous"), "{normal}");
    }
}
