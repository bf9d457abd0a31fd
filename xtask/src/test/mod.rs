//! `cargo xtask test`: everything that must hold before a change is taken.
//!
//! A part that needs a program which is missing fails and says so; nothing is ever skipped.

pub(crate) mod dashboard;
pub(crate) mod debian;
pub(crate) mod journeys;
mod part;
pub(crate) mod postgres;
mod python;
mod report;

use std::process::ExitCode;

pub(crate) use self::part::{cargo, target};
use self::{
    part::{Environment, Part},
    report::Report,
};

/// What to run.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Only these parts
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PART")]
    only: Vec<Part>,

    /// What follows `--` goes to the tests, such as words that their names must have
    #[arg(last = true, value_name = "FILTER")]
    filter: Vec<String>,
}

/// Runs the chosen parts, all of them even if one fails, and sums up.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let parts = Part::chosen(&options.only);
    let environment = Environment::prepare(&parts)?;
    let mut report = Report::default();
    for part in parts {
        for command in part.commands(&environment, &options.filter)? {
            report.run(part, command)?;
        }
    }
    Ok(report.finish())
}
