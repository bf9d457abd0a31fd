//! The database of a command that runs beside the server.

use anyhow::ensure;
use picloud_store::Store;

use crate::config::{Config, Database};

/// Opens the database, also while a server uses it.
pub(crate) async fn open_store(config: &Config) -> anyhow::Result<Store> {
    match &config.database {
        Database::Sqlite(folder) => {
            ensure!(
                folder.join("picloud.db").exists(),
                "there is no database in {}; say where it is with --data-dir",
                folder.display()
            );
            Ok(Store::open_sqlite_beside(folder, &config.secret_key_file).await?)
        }
        Database::Postgres(url) => Ok(Store::open_postgres(url, &config.secret_key_file).await?),
    }
}
