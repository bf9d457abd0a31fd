//! PostgreSQL as it is, with prepared statements from its own client.

use std::{fs, path::Path, process::Command, thread, time::Duration};

use anyhow::Context as _;
use tempfile::TempDir;

use super::{CLIENTS, Measured, Store, said};
use crate::{
    bench::{
        process::{Cores, pinned},
        setting::Setting,
    },
    test::postgres,
};

const TABLE: &str = "CREATE TABLE kv (key TEXT PRIMARY KEY, value TEXT NOT NULL); \
    INSERT INTO kv VALUES ('greeting', 'Hello, World')";

/// The scripts of its client, and how the report names them.
const QUESTIONS: [(&str, &str); 2] = [
    (
        "SELECT of a key",
        "SELECT value FROM kv WHERE key = 'greeting';\n",
    ),
    (
        "INSERT … ON CONFLICT DO UPDATE",
        "\\set n random(0, 9999)\n\
         INSERT INTO kv VALUES (concat('k/', CAST(:n AS int)), 'Hello, World') \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value;\n",
    ),
];

/// The kernel's clock in this file has so many ticks in a second on every machine; see `proc(5)`.
const TICKS_PER_SECOND: f64 = 100.0;

/// How long connections take to end, and more.
const ENDING: Duration = Duration::from_millis(500);

struct Postgres {
    name: String,
    server: postgres::Postgres,
    core: usize,
    scripts: TempDir,
}

pub(super) fn start(setting: &Setting, place: &Path) -> anyhow::Result<Box<dyn Store>> {
    let server = postgres::Postgres::start_in(tempfile::tempdir_in(place)?, &[])?;
    // Those that it starts inherit this.
    said(
        Command::new("taskset")
            .args(["--all-tasks", "--cpu-list", "--pid"])
            .args([setting.core.to_string(), server.process().to_string()]),
    )?;
    let psql = |statement: &str| {
        said(
            Command::new(server.psql())
                .args([
                    "--no-psqlrc",
                    "--quiet",
                    "--tuples-only",
                    "--no-align",
                    "--dbname",
                ])
                .args([server.url(), "--command", statement]),
        )
    };
    psql(TABLE)?;
    let version = psql("SHOW server_version")?;
    let scripts = tempfile::tempdir()?;
    for (number, (_, script)) in QUESTIONS.iter().enumerate() {
        fs::write(scripts.path().join(number.to_string()), script)?;
    }
    Ok(Box::new(Postgres {
        name: format!(
            "PostgreSQL {}",
            version.split(' ').next().unwrap_or_default().trim()
        ),
        server,
        core: setting.core,
        scripts,
    }))
}

impl Store for Postgres {
    fn name(&self) -> &str {
        &self.name
    }

    fn questions(&self) -> [&'static str; 2] {
        QUESTIONS.map(|(name, _)| name)
    }

    fn ask(&self, question: usize, seconds: u32) -> anyhow::Result<Measured> {
        let before = self.ticks()?;
        let output = said(
            pinned(&self.server.program("pgbench"), Some(Cores::One(self.core)))
                .args(["--no-vacuum", "--protocol", "prepared", "--jobs", "1"])
                .args([
                    "--client",
                    &CLIENTS.to_string(),
                    "--time",
                    &seconds.to_string(),
                    "--file",
                ])
                .arg(self.scripts.path().join(question.to_string()))
                .arg(self.server.url()),
        )?;
        // Its connections end a moment after their client, and only then is their time the server's.
        thread::sleep(ENDING);
        let used = (self.ticks()? - before) / TICKS_PER_SECOND;
        let number = |label: &str| -> anyhow::Result<f64> {
            let rest = output.lines().find_map(|line| line.strip_prefix(label));
            let number = rest.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
            number.with_context(|| format!("pgbench does not say `{label}`: {output}"))
        };
        let requests = number("number of transactions actually processed:")?;
        Ok(Measured {
            cpu_us_per_request: used * 1e6 / requests,
            requests_per_second: number("tps =")?,
        })
    }
}

impl Postgres {
    /// The processor time of the server, with that of connections that have ended, as all of a measurement have.
    fn ticks(&self) -> anyhow::Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.server.process()))?;
        let (_, fields) = stat.rsplit_once(')').context("unreadable stat")?;
        // User and system time, then those of its children.
        let times = fields.split_whitespace().skip(11).take(4);
        times
            .map(|ticks| ticks.parse::<f64>().context("unreadable stat"))
            .sum()
    }
}
