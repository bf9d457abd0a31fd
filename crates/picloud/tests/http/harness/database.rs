//! A database for each cloud: a folder, or a database of its own on the PostgreSQL that `cargo xtask test` starts.

use std::{
    env, fs,
    path::Path,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use super::{Postgres, SmallDisk};

/// Where a cloud keeps its data.
pub(crate) enum Database {
    /// In its own folder.
    Sqlite,
    /// In a database that exists as long as this value.
    Postgres { name: String, url: String },
    /// On a server of its own.
    OwnPostgres(Postgres),
}

impl Database {
    /// The kind that this run of the tests is about.
    pub(crate) fn create() -> Self {
        match required("PICLOUD_TEST_DATABASE").as_str() {
            "sqlite" => Self::Sqlite,
            "postgres" => Self::create_postgres(),
            other => panic!("PICLOUD_TEST_DATABASE is `{other}`; it must be sqlite or postgres"),
        }
    }

    /// The same on a server that no other cloud uses, so that it may fail.
    pub(crate) fn create_alone() -> Self {
        if Self::is("postgres") {
            Self::OwnPostgres(Postgres::start())
        } else {
            Self::create()
        }
    }

    /// The same on a small disk: for SQLite the folder `data` in `folder`, which is the server's own.
    pub(crate) fn create_on_small_disk(folder: &Path) -> (Self, Option<SmallDisk>) {
        if Self::is("postgres") {
            (Self::OwnPostgres(Postgres::start_on_small_disk()), None)
        } else {
            (Self::create(), Some(SmallDisk::mount(&folder.join("data"))))
        }
    }

    /// The same on a server whose write-ahead log is on a small disk; on SQLite, where that is a part of the database,
    /// as any other.
    pub(crate) fn create_with_log_on_small_disk() -> Self {
        if Self::is("postgres") {
            Self::OwnPostgres(Postgres::start_with_log_on_small_disk())
        } else {
            Self::create()
        }
    }

    /// Its server, if it has one of its own.
    pub(crate) fn server(&self) -> Option<&Postgres> {
        match self {
            Self::OwnPostgres(server) => Some(server),
            Self::Sqlite | Self::Postgres { .. } => None,
        }
    }

    /// Whether this run of the tests is about `kind`.
    pub(crate) fn is(kind: &str) -> bool {
        required("PICLOUD_TEST_DATABASE") == kind
    }

    /// Tells a server to use it; `folder` is the server's own.
    pub(crate) fn configure(&self, command: &mut Command, folder: &Path) {
        match self {
            Self::Sqlite => command.arg("--data-dir").arg(folder.join("data")),
            Self::Postgres { url, .. } => command.env("PICLOUD_DATABASE_URL", url),
            Self::OwnPostgres(server) => command.env("PICLOUD_DATABASE_URL", server.url()),
        };
    }

    /// All that it keeps, as whoever steals it would read it; `folder` is the server's own.
    pub(crate) fn dump(&self, folder: &Path) -> Vec<u8> {
        match self {
            Self::Sqlite => ["picloud.db", "picloud.db-wal"]
                .iter()
                .flat_map(|file| fs::read(folder.join("data").join(file)).unwrap_or_default())
                .collect(),
            Self::Postgres { url, .. } => dump_postgres(url),
            Self::OwnPostgres(server) => dump_postgres(&server.url()),
        }
    }

    fn create_postgres() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("picloud_http_{}_{number}", std::process::id());
        let server = required("PICLOUD_TEST_POSTGRES_URL");
        psql(&server, &format!("CREATE DATABASE {name}")).unwrap_or_else(|output| panic!("{output}"));
        let (server, _) = server
            .rsplit_once('/')
            .expect("the URL ends in a database's name");
        Self::Postgres {
            url: format!("{server}/{name}"),
            name,
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Self::Postgres { name, .. } = self {
            // What stays behind goes with the server at the end of the run.
            let server = required("PICLOUD_TEST_POSTGRES_URL");
            let _ = psql(&server, &format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

fn dump_postgres(url: &str) -> Vec<u8> {
    let select = |sql: &str| psql(url, sql).unwrap_or_else(|output| panic!("{output}"));
    let tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'";
    let of_table = |table: &str| select(&format!("SELECT row_to_json(t) FROM {table} t"));
    select(tables)
        .lines()
        .flat_map(|table| of_table(table).into_bytes())
        .collect()
}

/// Runs a statement on the database at `url`; gives its rows, one a line.
pub(super) fn psql(url: &str, statement: &str) -> Result<String, String> {
    let output = Command::new(required("PICLOUD_TEST_PSQL"))
        .args([
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--set",
            "ON_ERROR_STOP=1",
            "--command",
            statement,
            "--dbname",
        ])
        .arg(url)
        .output()
        .map_err(|error| format!("cannot run psql: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!(
            "{statement}: {}",
            String::from_utf8_lossy(&output.stderr)
        ))
    }
}

pub(super) fn required(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set; run `cargo xtask test --only http`"))
}
