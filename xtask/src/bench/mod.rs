//! `cargo xtask bench`: measures PiCloud beside its baselines, in one run on one machine.
//!
//! Only ratios within one run mean anything. The gate metric is the server's processor time per request, with
//! the server and the load generator pinned to the same core: it does not depend on how the two share the
//! machine, as throughput does.

mod hello;
mod idle;
mod load;
mod process;
mod start;
mod target;

use anyhow::Context as _;

/// What to measure.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Bench {
    /// A constant answer: processor time per request, against axum and bare hyper
    Hello(hello::Options),
    /// Processor time and context switches of a server that nobody asks anything, and its memory
    Idle(idle::Options),
    /// From the start of the process to the first answer, with an existing database
    Start(start::Options),
}

/// Builds what is measured, then measures it.
pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    target::build().context("cannot build what is to be measured")?;
    match bench {
        Bench::Hello(options) => hello::run(options),
        Bench::Idle(options) => idle::run(options),
        Bench::Start(options) => start::run(options),
    }
}

/// The middle value.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
