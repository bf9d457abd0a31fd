//! PiCloud's automation, in Rust: `cargo xtask test`, `cargo xtask bench`, `cargo xtask fuzz` and `cargo xtask chaos`.

mod bench;
mod chaos;
mod fuzz;
mod signal;
mod test;

use std::{path::Path, process::ExitCode};

use clap::Parser;

/// PiCloud's automation
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Command {
    /// Check formatting and lints, and run every test, on SQLite and on a PostgreSQL of its own
    Test(test::Options),
    /// Measure PiCloud beside its baselines
    Bench(bench::Bench),
    /// Hold a build of the dashboard against the committed one; a step of its tests
    #[command(hide = true)]
    CompareDashboard,
    /// Take pictures of all pages of the dashboard, into dashboard/gallery
    Screenshots,
    /// Look for inputs that break a promise, and keep what leads further
    Fuzz(fuzz::Options),
    /// End servers and databases at random under load, and compare what became of every event with a ledger
    Chaos(chaos::Options),
}

fn main() -> anyhow::Result<ExitCode> {
    match Command::parse() {
        Command::Test(options) => test::run(&options),
        Command::CompareDashboard => test::dashboard::compare().map(|()| ExitCode::SUCCESS),
        Command::Screenshots => test::journeys::take_screenshots().map(|()| ExitCode::SUCCESS),
        Command::Bench(bench) => bench::run(&bench).map(|()| ExitCode::SUCCESS),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Chaos(options) => chaos::run(&options),
    }
}

/// The folder of the workspace.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}
