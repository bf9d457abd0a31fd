//! Brings a database to the schema of this program, and refuses one that is newer.

use std::path::Path;

use sqlx::{
    PgConnection, SqliteConnection,
    migrate::{MigrateError, Migrator},
};

use crate::{error::OpenError, sqlite::backup, statements::statements};

/// The migrations of SQLite.
pub(crate) static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
/// The migrations of PostgreSQL, with the same numbers and names.
pub(crate) static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

statements! {
    NEWEST_APPLIED = "SELECT max(version) AS version FROM _sqlx_migrations";
}

/// The number of the newest migration.
pub(crate) fn newest(migrator: &Migrator) -> i64 {
    migrator
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0)
}

/// Migrates SQLite, the database at `path`. One statement if there is nothing to do.
pub(crate) async fn sqlite(connection: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    // Without the table the database is new.
    let applied: Option<i64> = sqlx::query_scalar(NEWEST_APPLIED)
        .fetch_one(&mut *connection)
        .await
        .unwrap_or(None);
    if needs_migration(applied, newest(&SQLITE))? {
        if let Some(schema) = applied {
            backup::make(connection, path, schema).await?;
        }
        let done = SQLITE.run_direct(None, connection, false).await;
        done.map_err(|error| failed(&SQLITE, error))?;
    }
    Ok(())
}

/// Refuses an SQLite database of any other schema than that of this program.
pub(crate) async fn sqlite_is_current(connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let applied: Option<i64> = sqlx::query_scalar(NEWEST_APPLIED)
        .fetch_one(&mut *connection)
        .await
        .unwrap_or(None);
    if needs_migration(applied, newest(&SQLITE))? {
        return Err(OpenError::SchemaTooOld {
            database: applied.unwrap_or(0),
            known: newest(&SQLITE),
        });
    }
    Ok(())
}

/// Migrates PostgreSQL, under a lock, because several processes may start at once.
pub(crate) async fn postgres(connection: &mut PgConnection) -> Result<(), OpenError> {
    let applied: Option<i64> = sqlx::query_scalar(NEWEST_APPLIED)
        .fetch_one(&mut *connection)
        .await
        .unwrap_or(None);
    if needs_migration(applied, newest(&POSTGRES))? {
        let done = POSTGRES.run_direct(None, connection, false).await;
        done.map_err(|error| failed(&POSTGRES, error))?;
    }
    Ok(())
}

fn needs_migration(applied: Option<i64>, known: i64) -> Result<bool, OpenError> {
    match applied {
        Some(database) if database > known => Err(OpenError::SchemaTooNew { database, known }),
        applied => Ok(applied != Some(known)),
    }
}

fn failed(migrator: &Migrator, error: MigrateError) -> OpenError {
    let known = newest(migrator);
    match error {
        // Another process, newer than this one, migrated after we had looked.
        MigrateError::VersionMissing(database) if database > known => {
            OpenError::SchemaTooNew { database, known }
        }
        error => OpenError::Migration {
            known,
            source: error.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_have_the_same_migrations() {
        let list = |migrator: &Migrator| -> Vec<(i64, String)> {
            migrator
                .iter()
                .map(|migration| (migration.version, migration.description.to_string()))
                .collect()
        };
        assert_eq!(list(&SQLITE), list(&POSTGRES));
        let numbers: Vec<i64> = list(&SQLITE).into_iter().map(|(number, _)| number).collect();
        assert_eq!(numbers, (1..=newest(&SQLITE)).collect::<Vec<_>>());
    }

    #[test]
    fn a_newer_schema_is_refused_with_both_numbers() {
        assert_eq!(needs_migration(None, 1).ok(), Some(true));
        assert_eq!(needs_migration(Some(1), 1).ok(), Some(false));
        let refused = needs_migration(Some(7), 1).map_err(|error| error.to_string());
        assert_eq!(
            refused,
            Err("the database has schema 7, this picloud knows up to 1; use a newer picloud".to_owned())
        );
    }
}
