//! Very many scripts that wait at once.

use anyhow::{Context as _, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::json;

use super::{
    api::Api,
    client::Client,
    load::{self, Measured, Question},
    process::{Cores, Server, Start, megabytes},
    report::{Bound, Cell, Goal, Report, progress},
    setting::Setting,
    statistics::{count, median},
};

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Options {
    /// How many scripts wait
    #[arg(long, default_value_t = 10_000)]
    waiting: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { waiting: 10_000 }
    }
}

/// Waits for longer than any measurement here lasts, and may.
const WAITING: &str = "sleep(280); \"done\"";
const TIMEOUT_MS: u64 = 300_000;

const HELLO: &str = "\"Hello, World\"";

/// What the process may hold with all of them, and what must be left of hello: on a core that is used up, half
/// the throughput is twice the processor time per request.
const RESIDENT_MB_MAX: f64 = 350.0;
const RATIO_MIN: f64 = 0.8;

/// Files that this process has open beside the connections.
const FILES_SPARE: u64 = 100;

/// Resident memory with all of them, and hello with and without them in turn.
pub(crate) fn measure(setting: &Setting, options: Options) -> anyhow::Result<Report> {
    load::ensure_installed()?;
    allow_files(options.waiting as u64 + FILES_SPARE)?;
    let start = Start {
        data: None,
        threads: 1,
        cores: Some(Cores::One(setting.core)),
    };
    let server = Server::picloud(&setting.programs, start)?;
    deploy(&server)?;
    let hello = Question::get("/bench/hello");
    let load = setting.load();
    load.run(&server, &hello)?;
    let before = server.rest()?.resident_bytes;

    let (mut alone, mut beside, mut resident) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=setting.rounds {
        progress(&format!("round {round} of {}", setting.rounds));
        alone.push(load.run(&server, &hello)?);
        let clients = wait_many(&server, options.waiting)?;
        resident.push(count(server.rest()?.resident_bytes));
        beside.push(load.run(&server, &hello)?);
        let waiting = clients.iter().filter(|client| client.is_waiting()).count();
        ensure!(
            waiting == options.waiting,
            "only {waiting} scripts waited to the end"
        );
        drop(clients);
        server.rest()?;
    }
    let row = |name: String, measured: &[Measured], resident: f64| {
        vec![
            Cell::Text(name),
            Cell::Number(median(measured.iter().map(|one| one.cpu_us_per_request)), 2),
            Cell::Number(median(measured.iter().map(|one| one.requests_per_second)), 0),
            Cell::Number(resident / 1e6, 1),
        ]
    };
    let resident = median(resident);
    let rounds = alone.iter().zip(&beside);
    let ratio = median(rounds.map(|(alone, beside)| alone.cpu_us_per_request / beside.cpu_us_per_request));
    let per_script = (resident - count(before)) / count(options.waiting as u64);
    Ok(Report {
        name: "waiting",
        title: "Scripts that wait",
        method: format!(
            "{} Hello alone, then beside {} scripts in `sleep`, each with a connection of its own.",
            setting.method(),
            options.waiting
        ),
        columns: vec!["hello", "cpu µs/request", "requests/s", "resident MB"],
        rows: vec![
            row("alone".to_owned(), &alone, count(before)),
            row(format!("beside {}", options.waiting), &beside, resident),
        ],
        goals: vec![
            Goal {
                what: "resident memory, connections included".to_owned(),
                measured: (resident / 1e6, 1),
                unit: "MB",
                bound: Bound::AtMost(RESIDENT_MB_MAX),
            },
            Goal {
                what: "hello by processor time per request, × alone".to_owned(),
                measured: (ratio, 3),
                unit: "",
                bound: Bound::AtLeast(RATIO_MIN),
            },
        ],
        notes: vec![format!(
            "{per_script:.0} bytes for each script that waits, with its connection; the server without them holds {:.1} MB.",
            megabytes(before)
        )],
    })
}

fn deploy(server: &Server) -> anyhow::Result<()> {
    let api = Api::sign_in(server)?;
    let hello = api.script("default", "hello-beside", HELLO)?;
    api.route(&hello, "/bench/hello")?;
    let limits = json!({ "timeout_ms": TIMEOUT_MS });
    let waiting = api.script_within("default", "waiting", WAITING, &limits)?;
    api.route(&waiting, "/bench/waiting")
}

fn wait_many(server: &Server, number: usize) -> anyhow::Result<Vec<Client>> {
    let clients = (0..number).map(|_| {
        let mut client = Client::connect(&server.address, "localhost")?;
        client.send("/bench/waiting")?;
        Ok(client)
    });
    clients.collect()
}

/// Lets this process have so many files and connections open.
fn allow_files(number: u64) -> anyhow::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < number {
        setrlimit(Resource::RLIMIT_NOFILE, number, hard)
            .with_context(|| format!("the system allows {hard} open files, and {number} are needed"))?;
    }
    Ok(())
}
