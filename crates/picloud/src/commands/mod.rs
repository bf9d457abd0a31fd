//! What the program does, one file per command.

pub(crate) mod admin;
pub(crate) mod serve;

use std::{
    fmt,
    io::{self, Write as _},
};

use crate::config::{Config, Database};

/// Opens the database that the settings name.
pub(crate) async fn open_store(config: &Config) -> anyhow::Result<picloud_store::Store> {
    Ok(match &config.database {
        Database::Sqlite(folder) => picloud_store::Store::open_sqlite(folder).await?,
        Database::Postgres(url) => picloud_store::Store::open_postgres(url).await?,
    })
}

/// Writes a line for a person to standard error. That nobody can read it is no reason to fail.
pub(crate) fn tell(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}
