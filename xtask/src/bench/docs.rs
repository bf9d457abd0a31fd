//! Finding documents by an index among many, and the same asked of the database without PiCloud.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};

use super::{
    api::Api,
    client::Client,
    load::{self, Question},
    process::{Cores, Server, Start, pinned},
    report::{Bound, Cell, Goal, Report, progress},
    rounds::{Contender, take_turns},
    setting::Setting,
    statistics::median,
    stores,
    target::kept,
};

/// The scripts that are measured, each on a path of its own.
const SCRIPTS: [(&str, &str); 3] = [
    ("constant", "\"Hello, World\""),
    (
        "find",
        "docs::find(\"people\", #{filter: #{group: random::int(0, GROUPS - 1)}, limit: 10}).items.len()",
    ),
    (
        "find and send",
        "docs::find(\"people\", #{filter: #{group: random::int(0, GROUPS - 1)}, limit: 10}).items",
    ),
];

/// Writes documents from a number on; each tenth of all documents in the same group as nine others.
const FILL: &str = r#"
    let first = parse_int(request.query.first);
    for number in first..first + COUNT {
        docs::insert("people", `${number}`, #{
            name: `Person number ${number}`, email: `person-${number}@example.com`, group: number % GROUPS,
            age: number % 90, tags: ["reads", "writes"], address: #{street: `${number % 500} Long Street`, city: "Rome"},
        });
    }
    ""
"#;

/// Documents that a request writes: as many as one transaction may, about.
const DOCUMENTS_PER_REQUEST: u32 = 500;

/// How many documents have the same value at the path of the index.
const DOCUMENTS_PER_GROUP: u32 = 10;

/// How many times as long a script that finds documents takes as the database alone, with HTTP and everything.
const RATIO_MAX: f64 = 3.0;

/// Among how many documents to look.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Options {
    /// Documents in the collection
    #[arg(long = "documents", default_value_t = 1_000_000)]
    documents: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { documents: 1_000_000 }
    }
}

/// Processor time of a script that finds ten documents, and of a query that does.
pub(crate) fn measure(setting: &Setting, options: Options) -> anyhow::Result<Report> {
    load::ensure_installed()?;
    let groups = options.documents / DOCUMENTS_PER_GROUP;
    ensure!(groups > 0, "there are too few documents");
    let place = kept("docs");
    std::fs::create_dir_all(&place)?;
    let data = tempfile::tempdir_in(&place)?;
    let start = Start {
        data: Some(data.path()),
        threads: 1,
        cores: Some(Cores::One(setting.core)),
    };
    let server = Server::picloud(&setting.programs, start)?;
    let api = Api::sign_in(&server)?;
    api.collection("default", "people", &["group"])?;
    let script = |name: &str, source: &str| -> anyhow::Result<()> {
        let name = name.replace(' ', "-");
        let source = source.replace("GROUPS", &groups.to_string());
        let script = api.script("default", &name, &source)?;
        api.route(&script, &format!("/bench/{name}"))
    };
    for (name, source) in SCRIPTS {
        script(name, source)?;
    }
    script("fill", &FILL.replace("COUNT", &DOCUMENTS_PER_REQUEST.to_string()))?;
    fill(&server, options.documents)?;
    let direct = Direct {
        setting,
        file: data.path().join("picloud.db"),
        groups,
    };
    direct.copy()?;

    let contender = |name: &'static str| {
        let question = Question::get(&format!("/bench/{}", name.replace(' ', "-")));
        Contender::new(name, &server, question).rested()
    };
    let mut scripts = SCRIPTS.map(|(name, _)| contender(name));
    take_turns(&mut scripts, setting.load(), setting.rounds)?;
    let queries = (0..setting.rounds)
        .map(|_| direct.query())
        .collect::<Result<Vec<_>, _>>()?;
    let query = median(queries);

    let mut rows: Vec<_> = scripts.iter().map(|one| one.row(&[])).collect();
    rows.push(vec![
        Cell::text("a query, without HTTP and script"),
        Cell::Number(query, 2),
        Cell::Number(1e6 / query, 0),
    ]);
    let find = scripts[1].cpu_us();
    // One after the other: PiCloud does nothing while other stores are measured.
    drop(server);
    let (others, notes) = stores::documents(setting, &place, options.documents);
    rows.extend(others);
    Ok(Report {
        name: "docs",
        title: "Documents by an index",
        method: format!(
            "{} {} documents of about 200 bytes on SQLite on a disk; ten of them are found by an index, other ones each \
             time. The query is asked of a table of the same documents in the same file, with an index made by hand, \
             through a prepared statement in a bare loop on the same core.",
            setting.method(),
            options.documents
        ),
        columns: vec!["what", "cpu µs/request", "requests/s"],
        rows,
        goals: vec![Goal {
            what: "docs::find over HTTP, × a query".to_owned(),
            measured: (find / query, 2),
            unit: "",
            bound: Bound::AtMost(RATIO_MAX),
        }],
        notes,
    })
}

fn fill(server: &Server, documents: u32) -> anyhow::Result<()> {
    let mut client = Client::connect(&server.address, "localhost")?;
    for first in (0..documents).step_by(DOCUMENTS_PER_REQUEST as usize) {
        if first % 100_000 == 0 {
            progress(&format!("{first} of {documents} documents"));
        }
        client.get(&format!("/bench/fill?first={first}"))?;
    }
    Ok(())
}

/// The same documents without PiCloud.
struct Direct<'s> {
    setting: &'s Setting,
    file: PathBuf,
    groups: u32,
}

impl Direct<'_> {
    fn copy(&self) -> anyhow::Result<()> {
        progress("the same documents in a table");
        self.run(&["copy"]).map(|_| ())
    }

    /// Microseconds of the processor for one query.
    fn query(&self) -> anyhow::Result<f64> {
        let milliseconds = (self.setting.seconds * 1_000).to_string();
        let said = self.run(&[&milliseconds, &self.groups.to_string()])?;
        said.trim().parse().context("it prints a number")
    }

    fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let Self { setting, file, .. } = self;
        let program = setting.programs.example("direct_query");
        let output = pinned(&program, Some(Cores::One(setting.core)))
            .arg(file)
            .args(arguments)
            .output()?;
        ensure!(
            output.status.success(),
            "the database without PiCloud: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    }
}
