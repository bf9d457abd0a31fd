//! `cargo xtask chaos`: ends servers and databases at random under load, and compares what became of every event with a
//! ledger that is kept outside of them.
//!
//! This process is never ended. It publishes events of every kind, and notes which of them were acknowledged; it is told by
//! each run when that begins; and it reads in the end what all runs have left in the app's data. What was acknowledged must
//! have had all of its effects, each of them once, and what was never sent none.
//!
//! Reading order: `plan` (how much, and which faults), `trial` (one trial, from start to end), `storm` (what fails), `checks` (what must hold);
//! then what they need: `kind` and `stage` (which events there are, and the scripts for them), `load` (who publishes),
//! `ledger` and `witness` (what is noted of it), `cluster` and `node` (what is ended), `client`, `found` (what is read in the
//! end), `waits` and `summary`.

mod checks;
mod client;
mod cluster;
mod found;
mod kind;
mod ledger;
mod load;
mod node;
mod plan;
mod stage;
mod storm;
mod summary;
mod trial;
mod waits;
mod witness;

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, ensure};

use self::{
    plan::{Database, Plan},
    summary::say,
};
use crate::test::{cargo, target};

/// How long, and on what.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Only on this database
    #[arg(long, value_enum)]
    database: Option<Database>,

    /// How often a server is ended; 200 on SQLite and 100 on PostgreSQL unless it is said
    #[arg(long, value_name = "N")]
    kills: Option<usize>,

    /// How often PostgreSQL is ended at once and started again; 50 unless it is said
    #[arg(long, value_name = "N")]
    restarts: Option<usize>,

    /// How often one of two servers on PostgreSQL is stopped for longer than its leases last; 3 unless it is said
    #[arg(long, value_name = "N")]
    stops: Option<usize>,

    /// How many events are acknowledged at least; 200,000 on SQLite and 100,000 on PostgreSQL unless it is said
    #[arg(long, value_name = "N")]
    events: Option<usize>,

    /// A small trial of less than a minute, unless something else is said
    #[arg(long)]
    short: bool,

    /// What the choices of the trial begin with; by chance unless it is said
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// The server to try, instead of one that is built
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// Tries both databases, or the one that is chosen, and sums up.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let program = match &options.program {
        Some(program) => program.clone(),
        None => build()?,
    };
    ensure!(program.is_file(), "there is no {}", program.display());
    let databases = match options.database {
        Some(one) => vec![one],
        None => vec![Database::Sqlite, Database::Postgres],
    };
    let (mut passed, mut failed) = (0, 0);
    for database in databases {
        let (held, broken) = try_one(&options.plan(database), &program)?;
        passed += held;
        failed += broken;
    }
    say(&format!("\ntest result: {passed} passed; {failed} failed"));
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Options {
    fn plan(&self, database: Database) -> Plan {
        let mut plan = Plan::of(database, self.short);
        plan.kills = self.kills.unwrap_or(plan.kills);
        plan.events = self.events.unwrap_or(plan.events);
        if database == Database::Postgres {
            plan.restarts = self.restarts.unwrap_or(plan.restarts);
            plan.stops = self.stops.unwrap_or(plan.stops);
        }
        plan.seed = self.seed.unwrap_or(plan.seed);
        plan
    }
}

/// How many promises held, and how many were broken.
fn try_one(plan: &Plan, program: &Path) -> anyhow::Result<(usize, usize)> {
    let tried = trial::run(plan, program).with_context(|| format!("seed {}", plan.seed))?;
    say(&tried.summary);
    Ok((tried.held, tried.broken))
}

/// The server, as it is shipped but for what takes long to build.
fn build() -> anyhow::Result<PathBuf> {
    let status = cargo(&["build", "--release", "--package", "picloud"])
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "the build failed");
    Ok(target()?.join("release/picloud"))
}

/// Builds the server for a small trial.
///
/// Cargo runs it: the file of this very process may meanwhile be another one, as tests of the workspace build it anew.
pub(crate) fn commands(target: &Path) -> Vec<Command> {
    let mut trial = cargo(&["xtask", "chaos", "--short", "--program"]);
    trial.arg(target.join("debug/picloud"));
    vec![cargo(&["build", "--package", "picloud"]), trial]
}
