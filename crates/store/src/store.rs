//! The store: opened once, shared by all.

use std::path::Path;

use async_trait::async_trait;
use picloud_shared::repository::{Health, StoreError};

use crate::{
    brokers::BrokerHints,
    calls::FullApps,
    db::{Db, PING_TIMEOUT},
    error::{OpenError, unavailable},
    events::LatestMoment,
    migrate,
    postgres::Postgres,
    sealing::Sealer,
    secrets::SecretCache,
    sqlite::Sqlite,
    statements::statements,
    value::args,
};

/// All of PiCloud's data, on SQLite or PostgreSQL.
#[derive(Debug)]
pub struct Store {
    pub(crate) db: Db,
    pub(crate) sealer: Sealer,
    pub(crate) secrets: SecretCache,
    pub(crate) full_apps: FullApps,
    pub(crate) latest: LatestMoment,
    pub(crate) broker_hints: BrokerHints,
}

statements! {
    // Looks at a table, because a `SELECT 1` would be answered without touching the file.
    PING = "SELECT id FROM apps LIMIT 1";
}

impl Store {
    /// Opens `picloud.db` in `dir`, and makes both if they are not there. One process at a time. The key for what is
    /// sealed in the database is in the file `secret_key`, which is made when it is first needed.
    pub async fn open_sqlite(dir: &Path, secret_key: &Path) -> Result<Self, OpenError> {
        let db = Db::Sqlite(Sqlite::open(dir).await?);
        Ok(Self::of(db, secret_key))
    }

    /// Opens `picloud.db` in `dir` for a short piece of work, also while a server uses it.
    pub async fn open_sqlite_beside(dir: &Path, secret_key: &Path) -> Result<Self, OpenError> {
        let db = Db::Sqlite(Sqlite::open_beside(dir).await?);
        Ok(Self::of(db, secret_key))
    }

    /// Opens the database at `url`, such as `postgres://user:password@host/database`. It must exist. All who open it
    /// need the same `secret_key`.
    pub async fn open_postgres(url: &str, secret_key: &Path) -> Result<Self, OpenError> {
        let db = Db::Postgres(Postgres::open(url).await?);
        Ok(Self::of(db, secret_key))
    }

    fn of(db: Db, secret_key: &Path) -> Self {
        Self {
            db,
            sealer: Sealer::new(secret_key),
            secrets: SecretCache::default(),
            full_apps: FullApps::default(),
            latest: LatestMoment::default(),
            broker_hints: BrokerHints::default(),
        }
    }

    /// Waits for what is under way and closes all connections. Whatever is asked afterwards fails.
    pub async fn close(&self) {
        match &self.db {
            Db::Sqlite(sqlite) => sqlite.close().await,
            Db::Postgres(postgres) => postgres.close().await,
        }
    }
}

#[async_trait]
impl Health for Store {
    async fn ping(&self) -> Result<(), StoreError> {
        let answer = self.db.fetch_optional::<(uuid::Uuid,)>(PING, args![]);
        match tokio::time::timeout(PING_TIMEOUT, answer).await {
            Ok(answer) => answer.map(|_| ()),
            Err(elapsed) => Err(unavailable(elapsed)),
        }
    }

    fn database(&self) -> &'static str {
        match &self.db {
            Db::Sqlite(_) => "sqlite",
            Db::Postgres(_) => "postgres",
        }
    }

    fn schema(&self) -> i64 {
        migrate::newest(match &self.db {
            Db::Sqlite(_) => &migrate::SQLITE,
            Db::Postgres(_) => &migrate::POSTGRES,
        })
    }
}
