//! PostgreSQL as it is, with prepared statements from its own client.

use std::{fs, path::Path, process::Command, thread, time::Duration};

use anyhow::{Context as _, ensure};
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

/// A script of its client, and how the report names it.
type Script = (&'static str, &'static str);

const ABOUT_KEYS: [Script; 2] = [
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

/// Documents like those of PiCloud, with `DOCUMENTS` and `GROUPS` for how many there are.
const DOCUMENTS_TABLE: &str = "CREATE TABLE documents (id TEXT PRIMARY KEY, document JSONB NOT NULL); \
    INSERT INTO documents SELECT n, jsonb_build_object('name', 'Person number ' || n, \
    'email', 'person-' || n || '@example.com', 'group', n % GROUPS, 'age', n % 90, 'tags', '[\"reads\", \"writes\"]'::jsonb, \
    'address', jsonb_build_object('street', n % 500 || ' Long Street', 'city', 'Rome')) \
    FROM generate_series(0, DOCUMENTS - 1) n; \
    CREATE INDEX ON documents (((document->'group')::int), id); VACUUM ANALYZE documents";

const ABOUT_DOCUMENTS: Script = (
    "SELECT of ten documents by an index",
    "\\set n random(0, GROUPS - 1)\n\
     SELECT id, document FROM documents WHERE (document->'group')::int = :n ORDER BY id LIMIT 10;\n",
);

/// The kernel's clock in this file has so many ticks in a second on every machine; see `proc(5)`.
const TICKS_PER_SECOND: f64 = 100.0;

/// How long connections take to end, and more.
const ENDING: Duration = Duration::from_millis(500);

struct Postgres {
    name: String,
    server: postgres::Postgres,
    core: usize,
    questions: Vec<&'static str>,
    scripts: TempDir,
}

/// One with a key.
pub(super) fn start(setting: &Setting, place: &Path) -> anyhow::Result<Box<dyn Store>> {
    begin(setting, place, &[TABLE.to_owned()], &ABOUT_KEYS, str::to_owned)
}

/// One with so many documents, ten in each group.
pub(super) fn with_documents(
    setting: &Setting,
    place: &Path,
    documents: u32,
) -> anyhow::Result<Box<dyn Store>> {
    let groups = (documents / 10).to_string();
    let fill = |text: &str| {
        text.replace("DOCUMENTS", &documents.to_string())
            .replace("GROUPS", &groups)
    };
    let table: Vec<String> = fill(DOCUMENTS_TABLE).split("; ").map(str::to_owned).collect();
    begin(setting, place, &table, &[ABOUT_DOCUMENTS], fill)
}

fn begin(
    setting: &Setting,
    place: &Path,
    table: &[String],
    questions: &[Script],
    fill: impl Fn(&str) -> String,
) -> anyhow::Result<Box<dyn Store>> {
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
    for statement in table {
        psql(statement)?;
    }
    let version = psql("SHOW server_version")?;
    let scripts = tempfile::tempdir()?;
    for (number, (_, script)) in questions.iter().enumerate() {
        fs::write(scripts.path().join(number.to_string()), fill(script))?;
    }
    Ok(Box::new(Postgres {
        name: format!(
            "PostgreSQL {}",
            version.split(' ').next().unwrap_or_default().trim()
        ),
        server,
        core: setting.core,
        questions: questions.iter().map(|(name, _)| *name).collect(),
        scripts,
    }))
}

impl Store for Postgres {
    fn name(&self) -> &str {
        &self.name
    }

    fn questions(&self) -> &[&'static str] {
        &self.questions
    }

    fn ask(&self, question: usize, seconds: u32) -> anyhow::Result<Measured> {
        // Its clients connect for each measurement, which is long in comparison, and nothing that is asked here.
        let connecting = self.run(question, &["--transactions", "1"])?;
        let all = self.run(question, &["--time", &seconds.to_string()])?;
        let requests = all.requests - connecting.requests;
        ensure!(requests > 0.0, "there was no time for anything but to connect");
        Ok(Measured {
            cpu_us_per_request: (all.cpu_s - connecting.cpu_s) * 1e6 / requests,
            requests_per_second: all.requests_per_second,
        })
    }
}

/// What one run of the client took, with its connections.
struct Ran {
    requests: f64,
    requests_per_second: f64,
    cpu_s: f64,
}

impl Postgres {
    fn run(&self, question: usize, length: &[&str]) -> anyhow::Result<Ran> {
        let before = self.ticks()?;
        let output = said(
            pinned(&self.server.program("pgbench"), Some(Cores::One(self.core)))
                .args(["--no-vacuum", "--protocol", "prepared", "--jobs", "1"])
                .args(["--client", &CLIENTS.to_string()])
                .args(length)
                .arg("--file")
                .arg(self.scripts.path().join(question.to_string()))
                .arg(self.server.url()),
        )?;
        // Its connections end a moment after their client, and only then is their time the server's.
        thread::sleep(ENDING);
        let number = |label: &str| -> anyhow::Result<f64> {
            let rest = output.lines().find_map(|line| line.strip_prefix(label));
            // With a number for each client it says `64/64`.
            let word = rest.and_then(|rest| rest.split_whitespace().next());
            let number = word.and_then(|word| word.split('/').next()?.parse().ok());
            number.with_context(|| format!("pgbench does not say `{label}`: {output}"))
        };
        Ok(Ran {
            requests: number("number of transactions actually processed:")?,
            requests_per_second: number("tps =")?,
            cpu_s: (self.ticks()? - before) / TICKS_PER_SECOND,
        })
    }

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
