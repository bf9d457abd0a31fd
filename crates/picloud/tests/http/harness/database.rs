//! A database for each cloud: a folder, or a database of its own on the PostgreSQL that `cargo xtask test` starts.

use std::{
    env,
    path::Path,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

/// Where a cloud keeps its data.
pub(crate) enum Database {
    /// In its own folder.
    Sqlite,
    /// In a database that exists as long as this value.
    Postgres { name: String, url: String },
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

    /// Whether this run of the tests is about `kind`.
    pub(crate) fn is(kind: &str) -> bool {
        required("PICLOUD_TEST_DATABASE") == kind
    }

    /// Tells a server to use it; `folder` is the server's own.
    pub(crate) fn configure(&self, command: &mut Command, folder: &Path) {
        match self {
            Self::Sqlite => command.arg("--data-dir").arg(folder.join("data")),
            Self::Postgres { url, .. } => command.env("PICLOUD_DATABASE_URL", url),
        };
    }

    fn create_postgres() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("picloud_http_{}_{number}", std::process::id());
        psql(&format!("CREATE DATABASE {name}")).unwrap_or_else(|output| panic!("{output}"));
        let server = required("PICLOUD_TEST_POSTGRES_URL");
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
            let _ = psql(&format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

fn psql(statement: &str) -> Result<(), String> {
    let output = Command::new(required("PICLOUD_TEST_PSQL"))
        .args([
            "--no-psqlrc",
            "--quiet",
            "--set",
            "ON_ERROR_STOP=1",
            "--command",
            statement,
            "--dbname",
        ])
        .arg(required("PICLOUD_TEST_POSTGRES_URL"))
        .output()
        .map_err(|error| format!("cannot run psql: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!(
            "{statement}: {}",
            String::from_utf8_lossy(&output.stderr)
        ))
    }
}

fn required(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set; run `cargo xtask test --only http`"))
}
