//! A fresh database for each case.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use picloud_store::{OpenError, Store};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// A superuser's URL of the server on which the cases make their databases.
const POSTGRES_URL: &str = "PICLOUD_TEST_POSTGRES_URL";

/// A store on a database of its own.
pub(crate) struct Bed {
    pub(crate) store: Store,
    place: Place,
}

/// Where the database is.
enum Place {
    Sqlite(TempDir),
    Postgres { name: String, keys: TempDir },
}

impl Bed {
    pub(crate) async fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            store: open_sqlite(dir.path()).await.unwrap(),
            place: Place::Sqlite(dir),
        }
    }

    pub(crate) async fn postgres() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let template = template().await;
        let name = format!("{template}_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        on_server(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        let keys = tempfile::tempdir().unwrap();
        Self {
            store: open_postgres(&name, keys.path()).await.unwrap(),
            place: Place::Postgres { name, keys },
        }
    }

    /// Closes the store and opens the same database again.
    pub(crate) async fn reopen(&mut self) {
        self.store.close().await;
        self.store = self.open_again().await.unwrap();
    }

    /// Opens the database that another store has been opened on.
    pub(crate) async fn open_again(&self) -> Result<Store, OpenError> {
        match &self.place {
            Place::Sqlite(dir) => open_sqlite(dir.path()).await,
            Place::Postgres { name, keys } => open_postgres(name, keys.path()).await,
        }
    }

    /// A connection beside the store.
    pub(crate) async fn raw(&self) -> Raw {
        match &self.place {
            Place::Sqlite(dir) => {
                let url = format!("sqlite:{}", dir.path().join("picloud.db").display());
                Raw::Sqlite(SqliteConnection::connect(&url).await.unwrap())
            }
            Place::Postgres { name, .. } => {
                Raw::Postgres(PgConnection::connect(&url_of(name)).await.unwrap())
            }
        }
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        matches!(self.place, Place::Sqlite(_))
    }

    /// The directory of SQLite.
    pub(crate) fn dir(&self) -> PathBuf {
        match &self.place {
            Place::Sqlite(dir) => dir.path().to_owned(),
            Place::Postgres { .. } => panic!("only SQLite has a directory"),
        }
    }

    /// Where the key is for what is sealed.
    pub(crate) fn secret_key(&self) -> PathBuf {
        match &self.place {
            Place::Sqlite(dir) => secret_key(dir.path()),
            Place::Postgres { keys, .. } => secret_key(keys.path()),
        }
    }

    /// Removes the database. A case that failed leaves its database to be looked at.
    pub(crate) async fn finish(self) {
        self.store.close().await;
        if let Place::Postgres { name, .. } = self.place {
            on_server(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        }
    }

    /// Takes the database away from under the store.
    pub(crate) async fn drop_database(&self) {
        match &self.place {
            Place::Sqlite(_) => self.store.close().await,
            Place::Postgres { name, .. } => on_server(&format!("DROP DATABASE {name} WITH (FORCE)")).await,
        }
    }
}

/// Opens the database in `dir`, with the key beside it.
pub(crate) async fn open_sqlite(dir: &Path) -> Result<Store, OpenError> {
    Store::open_sqlite(dir, &secret_key(dir)).await
}

/// Opens a database on the server of the tests, with the key in `keys`.
pub(crate) async fn open_postgres(name: &str, keys: &Path) -> Result<Store, OpenError> {
    Store::open_postgres(&url_of(name), &secret_key(keys)).await
}

fn secret_key(dir: &Path) -> PathBuf {
    dir.join("secret.key")
}

/// A connection of either database.
pub(crate) enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Raw {
    /// Ends the connection. One that is only dropped ends some time later, and keeps the database open until then.
    pub(crate) async fn close(self) {
        match self {
            Self::Sqlite(connection) => connection.close().await.unwrap(),
            Self::Postgres(connection) => connection.close().await.unwrap(),
        }
    }

    /// Runs statements that return nothing.
    pub(crate) async fn run(&mut self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(connection) => sqlx::raw_sql(sql).execute(connection).await.map(|_| ()),
            Self::Postgres(connection) => sqlx::raw_sql(sql).execute(connection).await.map(|_| ()),
        }
        .unwrap();
    }

    /// Reads the first column, a text, of every row.
    pub(crate) async fn texts(&mut self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(connection) => sqlx::query_scalar(sql).fetch_all(connection).await,
            Self::Postgres(connection) => sqlx::query_scalar(sql).fetch_all(connection).await,
        }
        .unwrap()
    }

    /// Reads one number.
    pub(crate) async fn number(&mut self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(connection) => sqlx::query_scalar(sql).fetch_one(connection).await,
            Self::Postgres(connection) => sqlx::query_scalar(sql).fetch_one(connection).await,
        }
        .unwrap()
    }
}

/// A migrated database that the others are copied from, made once per run.
async fn template() -> &'static str {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    TEMPLATE
        .get_or_init(|| async {
            let name = format!("picloud_store_{}", std::process::id());
            on_server(&format!("DROP DATABASE IF EXISTS {name}")).await;
            on_server(&format!("CREATE DATABASE {name}")).await;
            // Nothing is sealed in it, so there is no key.
            let store = open_postgres(&name, Path::new("/nowhere")).await.unwrap();
            store.close().await;
            name
        })
        .await
}

/// The URL of a database on the server of the tests.
pub(crate) fn url_of(database: &str) -> String {
    let url = server_url();
    let (base, options) = url.split_once('?').unwrap_or((&url, ""));
    let slash = base.rfind('/').filter(|at| *at > "postgres://".len());
    format!("{}/{database}?{options}", &base[..slash.unwrap_or(base.len())])
}

fn server_url() -> String {
    std::env::var(POSTGRES_URL).unwrap_or_else(|_| {
        panic!("{POSTGRES_URL} is not set: run `cargo xtask test`, which starts a PostgreSQL and sets it")
    })
}

/// Runs a statement on the server of the tests.
pub(crate) async fn on_server(sql: &str) {
    let mut connection = PgConnection::connect(&server_url()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

/// Makes a test on SQLite and one on PostgreSQL out of each case.
macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $case() {
                super::$case(crate::bed::Bed::sqlite().await).await;
            })+
        }

        mod postgres {
            $(#[tokio::test]
            async fn $case() {
                super::$case(crate::bed::Bed::postgres().await).await;
            })+
        }
    };
}
pub(crate) use cases;
