//! How long others wait while a script spins on every core.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{anyhow, ensure};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};
use serde_json::json;

use super::{
    api::Api,
    client::Client,
    process::{Cores, Server, Start},
    report::{Bound, Cell, Goal, Report, progress},
    setting::Setting,
    statistics::{count, median, percentile},
};

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Options {
    /// Requests of each neighbour in a second
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// Neighbours on each serving thread
    #[arg(long, default_value_t = 4)]
    neighbours: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rate: 100,
            neighbours: 4,
        }
    }
}

/// Spins until its client goes away.
const SPINNER: &str = "let n = 0; loop { n += 1; }";

const HELLO: &str = "\"Hello, World\"";

/// How long 99 of 100 neighbours may wait at most.
const P99_MS_MAX: f64 = 3.0;

/// A spinner has begun when the server has used so much more of a processor.
const BEGUN: Duration = Duration::from_millis(20);
const BEGIN_TIMEOUT: Duration = Duration::from_secs(10);

/// The least part of the time for which a spinning thread runs, or would if it had the processor.
const BUSY_MIN: f64 = 0.9;

/// Latency of a constant answer without and beside spinners, in turn.
pub(crate) fn measure(setting: &Setting, options: Options) -> anyhow::Result<Report> {
    // The clients get the last core, so that what they wait for is the server and not its scripts.
    let cores = thread::available_parallelism()?.get();
    let (threads, clients_core) = (cores.max(2) - 1, cores - 1);
    let start = Start {
        data: None,
        threads,
        cores: Some(Cores::UpTo(threads - 1)),
    };
    let server = Server::picloud(&setting.programs, start)?;
    deploy(&server)?;
    let neighbours = Neighbours {
        number: threads * options.neighbours,
        every: Duration::from_secs(1) / options.rate.max(1),
        time: Duration::from_secs(setting.seconds.into()),
        core: clients_core,
    };
    neighbours.ask(&server)?;

    let (mut quiet, mut beside) = (Vec::new(), Vec::new());
    for round in 1..=setting.rounds {
        progress(&format!("round {round} of {}", setting.rounds));
        quiet.push(neighbours.ask(&server)?);
        let spinners = spin(&server, threads)?;
        let before = server.usage()?;
        beside.push(neighbours.ask(&server)?);
        let after = server.usage()?;
        let busy = (after.cpu + after.queued).saturating_sub(before.cpu + before.queued);
        let busy = busy.as_secs_f64() / count(threads as u64) / f64::from(setting.seconds);
        ensure!(
            busy >= BUSY_MIN,
            "the serving threads were busy for {busy:.2} of the time only: did the spinners end?"
        );
        drop(spinners);
        server.rest()?;
    }
    let p99 = |rounds: &[Vec<f64>]| median(rounds.iter().map(|one| percentile(one.iter().copied(), 99)));
    let row = |name: &str, rounds: &[Vec<f64>]| {
        let of_rounds = |percent| median(rounds.iter().map(|one| percentile(one.iter().copied(), percent)));
        vec![
            Cell::text(name),
            Cell::Number(of_rounds(50), 2),
            Cell::Number(p99(rounds), 2),
            Cell::Number(of_rounds(100), 2),
        ]
    };
    Ok(Report {
        name: "fairness",
        title: "Beside scripts that spin",
        method: format!(
            "{} neighbours ask {} times in a second each for a constant answer, {} rounds of {} s without and beside \
             an endless loop on each of {threads} serving threads, each with a core of its own; the clients have the \
             last core for themselves. Medians of the rounds.",
            neighbours.number, options.rate, setting.rounds, setting.seconds
        ),
        columns: vec!["neighbours", "p50 ms", "p99 ms", "longest ms"],
        rows: vec![row("alone", &quiet), row("beside spinners", &beside)],
        goals: vec![Goal {
            what: "p99 beside spinners".to_owned(),
            measured: (p99(&beside), 2),
            unit: "ms",
            bound: Bound::AtMost(P99_MS_MAX),
        }],
        notes: Vec::new(),
    })
}

fn deploy(server: &Server) -> anyhow::Result<()> {
    let api = Api::sign_in(server)?;
    let hello = api.script("default", "neighbour", HELLO)?;
    api.route(&hello, "/bench/hello")?;
    let limits = json!({ "operations_max": 1_000_000_000_u64, "cpu_ms_max": 60_000, "timeout_ms": 300_000 });
    let spinner = api.script_within("default", "spinner", SPINNER, &limits)?;
    api.route(&spinner, "/bench/spinner")
}

/// Starts a spinner on each serving thread: each new connection goes to the thread with the least to do, so
/// each waits until the one before it runs.
fn spin(server: &Server, number: usize) -> anyhow::Result<Vec<Client>> {
    let mut spinners = Vec::new();
    for running in 1..=number {
        let before = server.usage()?.cpu;
        let mut client = Client::connect(&server.address, "localhost")?;
        client.send("/bench/spinner")?;
        spinners.push(client);
        let begun = Instant::now();
        while server.usage()?.cpu.saturating_sub(before) < BEGUN * u32::try_from(running)? {
            ensure!(begun.elapsed() < BEGIN_TIMEOUT, "a spinner does not begin");
            thread::sleep(Duration::from_millis(5));
        }
    }
    Ok(spinners)
}

/// Clients that ask at a steady rate, whatever the answers take.
struct Neighbours {
    number: usize,
    every: Duration,
    time: Duration,
    core: usize,
}

impl Neighbours {
    /// The latency of each answer in milliseconds.
    fn ask(&self, server: &Server) -> anyhow::Result<Vec<f64>> {
        let mut clients = Vec::new();
        for _ in 0..self.number {
            let mut client = Client::connect(&server.address, "localhost")?;
            client.get("/bench/hello")?;
            clients.push(client);
        }
        let begin = Instant::now();
        let latencies = thread::scope(|scope| {
            let threads: Vec<_> = (0..)
                .zip(clients)
                .map(|(index, client)| {
                    let offset = self.every * index / u32::try_from(self.number).unwrap_or(1);
                    scope.spawn(move || self.ask_on(client, begin + offset))
                })
                .collect();
            let joined = threads.into_iter().map(|thread| {
                thread
                    .join()
                    .map_err(|_| anyhow!("a neighbour panicked"))
                    .flatten()
            });
            joined.collect::<anyhow::Result<Vec<_>>>()
        })?;
        Ok(latencies.concat())
    }

    fn ask_on(&self, mut client: Client, begin: Instant) -> anyhow::Result<Vec<f64>> {
        let mut cores = CpuSet::new();
        cores.set(self.core)?;
        sched_setaffinity(Pid::from_raw(0), &cores)?;

        let (mut latencies, mut due, end) = (Vec::new(), begin, begin + self.time);
        while due < end {
            // A request that is late because the answer before it was late has waited since it was due; one that
            // is late because this thread woke up late has not.
            let late = Instant::now() > due;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let asked = if late { due } else { Instant::now() };
            client.get("/bench/hello")?;
            latencies.push(asked.elapsed().as_secs_f64() * 1e3);
            due += self.every;
        }
        Ok(latencies)
    }
}
