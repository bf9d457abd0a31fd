//! What the error codes of SQLite mean (sqlite.org/rescode.html).

use sqlx::{error::DatabaseError, sqlite::SqliteError};

use crate::error::Fault;

pub(crate) const PERM: i32 = 3;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
pub(crate) const READONLY: i32 = 8;
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
pub(crate) const CANTOPEN: i32 = 14;
pub(crate) const NOTADB: i32 = 26;

/// The primary code: the low byte of the extended one.
pub(crate) fn code(error: &SqliteError) -> i32 {
    let extended: Option<i32> = error.code().and_then(|code| code.parse().ok());
    extended.unwrap_or(1) & 0xFF
}

pub(crate) fn fault(code: i32) -> Fault {
    match code {
        BUSY | LOCKED | IOERR | CANTOPEN => Fault::Away,
        FULL => Fault::Full,
        CORRUPT | NOTADB => Fault::Damaged,
        _ => Fault::Program,
    }
}

#[cfg(test)]
mod tests {
    use picloud_shared::repository::StoreError;
    use sqlx::{Connection, SqliteConnection};

    use super::*;
    use crate::error::store_error;

    async fn error_of(connection: &mut SqliteConnection, sql: &'static str) -> StoreError {
        let done = sqlx::raw_sql(sql).execute(connection).await;
        store_error(done.map(|_| ()).unwrap_err())
    }

    #[tokio::test]
    async fn a_full_disk_is_told_apart_from_a_wrong_statement() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let setup = "CREATE TABLE t (b BLOB); PRAGMA max_page_count = 3";
        sqlx::raw_sql(setup).execute(&mut connection).await.unwrap();

        let full = error_of(&mut connection, "INSERT INTO t VALUES (zeroblob(100000))").await;
        assert!(matches!(full, StoreError::Full(_)), "{full:?}");
        let wrong = error_of(&mut connection, "INSERT INTO nowhere VALUES (1)").await;
        assert!(matches!(wrong, StoreError::Failed(_)), "{wrong:?}");
    }

    #[test]
    fn codes_have_a_meaning() {
        for (code, meaning) in [
            (BUSY, Fault::Away),
            (IOERR, Fault::Away),
            (CORRUPT, Fault::Damaged),
            (NOTADB, Fault::Damaged),
            (READONLY, Fault::Program),
        ] {
            assert_eq!(fault(code), meaning, "{code}");
        }
    }
}
