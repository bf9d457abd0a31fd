//! `cargo xtask bench`: measures PiCloud beside its baselines, in one run on one machine.
//!
//! Only ratios within one run mean anything. The gate metric is the server's processor time per request, with
//! the server and the load generator pinned to the same core: it does not depend on how the two share the
//! machine, as throughput does.
//!
//! Reading order: `setting` (what all benchmarks share), one file per benchmark (`hello` first), `report` (what
//! each gives back) and `page` (where it is written); then the tools: `target` (what is built), `process` (a
//! server under measurement), `load` and `rounds` (servers that take turns), `client`, `api` and `seed`; and
//! `peers` and `stores`, other people's servers.

mod api;
mod client;
mod load;
mod machine;
mod page;
mod peers;
mod process;
mod report;
mod rounds;
mod seed;
mod setting;
mod statistics;
mod stores;
mod target;

mod cpu;
mod density;
mod docs;
mod events;
mod fairness;
mod hello;
mod idle;
mod json;
mod kv;
mod routing;
mod save;
mod sign_in;
mod start;
mod waiting;

use anyhow::{Context as _, ensure};

use self::{machine::Machine, page::Page, report::Report, setting::Setting, target::Programs};

/// Measures, prints what came of it, and writes it to the documentation if asked.
#[derive(Clone, Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Bench {
    #[command(subcommand)]
    what: What,

    /// How often each server is measured, in turn with the others
    #[arg(long, global = true, default_value_t = 5)]
    rounds: usize,

    /// How long each measurement under load lasts
    #[arg(long, global = true, default_value_t = 4)]
    seconds: u32,

    /// The core that server and load generator share
    #[arg(long, global = true, default_value_t = 0)]
    core: usize,

    /// Measure other platforms too, and install those that are missing (needs npm, or root for nginx)
    #[arg(long, global = true)]
    peers: bool,

    /// The cargo profile of what is measured; packages are made with `dist`
    #[arg(long, global = true, default_value = "dist")]
    profile: String,

    /// Measure what was built before, and build nothing
    #[arg(long, global = true)]
    no_build: bool,

    /// Print JSON instead of tables
    #[arg(long, global = true)]
    json: bool,

    /// Write the results of all benchmarks to docs/performance.md
    #[arg(long, global = true)]
    write: bool,
}

/// What to measure.
#[derive(Clone, Copy, Debug, clap::Subcommand)]
enum What {
    /// A constant answer: processor time per request, against axum and bare hyper
    Hello,
    /// 1 KB of JSON in, a field added, JSON out, against axum and bare hyper
    Json,
    /// Reading a key in a script, against a constant; many writing at one time, against one fsync for each
    Kv,
    /// Finding documents by an index among 1,000,000, against the same query without PiCloud
    Docs(docs::Options),
    /// Events that are taken and run in a second, and how long one is on its way
    Events,
    /// 10,000 apps with 10 routes each, against one app with one route
    Routing(routing::Options),
    /// Programs that only compute, against plain Rhai
    Cpu,
    /// 10,000 scripts that wait at once: their memory, and what is left for others
    Waiting(waiting::Options),
    /// How long others wait while a script spins on every core
    Fairness(fairness::Options),
    /// Memory for each of 10,000 scripts
    Density(density::Options),
    /// Processor time and context switches of a server that nobody asks anything, and its memory
    Idle(idle::Options),
    /// From the start of the process to the first answer, with an existing database
    Start,
    /// From saving a script to the first answer of the new version
    Save,
    /// Whether the time of a failed sign-in tells if the account exists
    SignIn(sign_in::Options),
    /// All of them
    All,
}

/// Builds what is measured, then measures it.
pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    ensure!(
        !bench.write || matches!(bench.what, What::All),
        "only the results of `all` are written, so that the page never mixes two machines or two days"
    );
    ensure!(
        !(bench.write && bench.no_build),
        "only what is built from this commit is written"
    );
    let page = bench.write.then(|| Page::open(&bench.profile)).transpose()?;
    let setting = Setting {
        programs: Programs::of(&bench.profile, !bench.no_build),
        rounds: bench.rounds.max(1),
        seconds: bench.seconds.max(1),
        core: bench.core,
        peers: bench.peers,
    };
    let machine = Machine::look()?;
    if !bench.json {
        report::print(&machine.text());
    }
    let mut reports = Vec::new();
    for what in bench.what.each() {
        let report = what.measure(&setting)?;
        if !bench.json {
            report::print(&report.text());
        }
        reports.push(report);
    }
    if bench.json {
        report::print(&report::json(&machine, &reports));
    }
    if let Some(page) = page {
        page.write(&machine, &reports)?;
    }
    Ok(())
}

impl What {
    /// The benchmarks that this stands for.
    fn each(self) -> Vec<Self> {
        let What::All = self else {
            return vec![self];
        };
        vec![
            Self::Hello,
            Self::Json,
            Self::Kv,
            Self::Docs(docs::Options::default()),
            Self::Events,
            Self::Routing(routing::Options::default()),
            Self::Cpu,
            Self::Waiting(waiting::Options::default()),
            Self::Fairness(fairness::Options::default()),
            Self::Density(density::Options::default()),
            Self::Idle(idle::Options::default()),
            Self::Start,
            Self::Save,
            Self::SignIn(sign_in::Options::default()),
        ]
    }

    fn measure(self, setting: &Setting) -> anyhow::Result<Report> {
        let built = match self {
            Self::Cpu => setting.programs.build_engines(),
            Self::Docs(_) => setting
                .programs
                .build_servers()
                .and_then(|()| setting.programs.build_query()),
            _ => setting.programs.build_servers(),
        };
        built.context("cannot build what is to be measured")?;
        match self {
            Self::Hello => hello::measure(setting),
            Self::Json => json::measure(setting),
            Self::Kv => kv::measure(setting),
            Self::Docs(options) => docs::measure(setting, options),
            Self::Events => events::measure(setting),
            Self::Routing(options) => routing::measure(setting, options),
            Self::Cpu => cpu::measure(setting),
            Self::Waiting(options) => waiting::measure(setting, options),
            Self::Fairness(options) => fairness::measure(setting, options),
            Self::Density(options) => density::measure(setting, options),
            Self::Idle(options) => idle::measure(setting, options),
            Self::Start => start::measure(setting),
            Self::Save => save::measure(setting),
            Self::SignIn(options) => sign_in::measure(setting, options),
            Self::All => unreachable!("`each` leaves no benchmark that stands for others"),
        }
    }
}
