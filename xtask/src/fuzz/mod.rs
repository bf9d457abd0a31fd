//! `cargo xtask fuzz`: looks for inputs that break a promise, with cargo-fuzz and libFuzzer.
//!
//! No sanitizer is switched on, and so the compiler of the workspace is enough. Memory comes from mimalloc, whose
//! blocks `AddressSanitizer` does not see, and scripts run on stacks that it takes for overruns of the thread's own.

mod folders;
mod minimise;
mod tools;

use std::process::{Command, ExitCode};

use anyhow::{Context as _, ensure};

use self::folders::Folders;
use crate::root;

/// What to fuzz, and for how long.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Only these targets
    #[arg(value_enum, value_name = "TARGET")]
    targets: Vec<Target>,

    /// How long each target is fuzzed; not at all if this is 0, which makes sense with --keep
    #[arg(long, value_name = "N", default_value_t = 5)]
    minutes: u64,

    /// Put what was found, without what adds nothing, into the corpora that are kept in the repository
    #[arg(long)]
    keep: bool,
}

/// A fuzz target: what it is fed, and what it promises, stands in `fuzz/src/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Target {
    /// Programs that call every function of the script API
    Calls,
    /// JSON documents
    Json,
    /// Names, hosts, paths and moments
    Patterns,
    /// Bytes on a connection
    Request,
    /// Apps, routes and requests
    Routing,
    /// Sources of scripts
    Script,
}

/// Longest input in bytes: what breaks something is found in short ones, and those can be read.
const INPUT_BYTES_MAX: usize = 4 * 1_024;
/// Longest time that one input may take before it counts as a hang.
const INPUT_SECONDS_MAX: usize = 25;
/// Most memory of the fuzzer's process.
const MEMORY_MIB_MAX: usize = 2 * 1_024;

impl Target {
    const ALL: [Self; 6] = [
        Self::Calls,
        Self::Json,
        Self::Patterns,
        Self::Request,
        Self::Routing,
        Self::Script,
    ];

    /// Its name, also that of its program.
    fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Json => "json",
            Self::Patterns => "patterns",
            Self::Request => "request",
            Self::Routing => "routing",
            Self::Script => "script",
        }
    }
}

/// Fuzzes the chosen targets, one after the other, and stops at the first input that breaks something.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    tools::ensure()?;
    build()?;
    let targets = if options.targets.is_empty() {
        &Target::ALL[..]
    } else {
        &options.targets
    };
    for target in targets.iter().copied() {
        let folders = Folders::prepare(target)?;
        if options.minutes > 0 {
            fuzz(target, &folders, options.minutes)?;
        }
        if options.keep {
            minimise::keep(target, &folders)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn fuzz(target: Target, folders: &Folders, minutes: u64) -> anyhow::Result<()> {
    let mut command = command(target);
    // What is new is written to the first folder.
    command.args(folders.inputs()).arg("--");
    for (option, value) in [
        ("max_total_time", usize::try_from(minutes * 60)?),
        ("max_len", INPUT_BYTES_MAX),
        ("timeout", INPUT_SECONDS_MAX),
        ("rss_limit_mb", MEMORY_MIB_MAX),
        ("print_final_stats", 1),
    ] {
        command.arg(format!("-{option}={value}"));
    }
    if let Some(dictionary) = folders.dictionary() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    command.arg(format!("-artifact_prefix={}/", folders.found().display()));
    let found_before = folders.found_count()?;
    let status = command.status().context("cannot run cargo-fuzz")?;
    ensure!(
        folders.found_count()? == found_before,
        "{name} found an input that breaks something, in {found}; once it is mended, move it to fuzz/regressions/{name}/ \
         under a name that says what it was",
        name = target.name(),
        found = folders.found().display()
    );
    ensure!(status.success(), "{} ended early", target.name());
    Ok(())
}

/// Builds all targets, so that a fault of the compiler is not taken for one of an input.
fn build() -> anyhow::Result<()> {
    let status = cargo_fuzz("build").status().context("cannot run cargo-fuzz")?;
    ensure!(status.success(), "the targets could not be built");
    Ok(())
}

/// What runs a target.
fn command(target: Target) -> Command {
    let mut command = cargo_fuzz("run");
    command.arg(target.name());
    command
}

fn cargo_fuzz(subcommand: &str) -> Command {
    let mut command = Command::new("cargo");
    command
        .args([
            "fuzz",
            subcommand,
            "--sanitizer",
            "none",
            "--features",
            "libfuzzer",
        ])
        .current_dir(root());
    command
}
