//! Where and of what a measurement was taken.

use std::{fs, process::Command};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::root;

/// The libraries whose versions matter for the figures.
const LIBRARIES: [&str; 6] = ["axum", "hyper", "tokio", "rhai", "serde_json", "mimalloc"];

/// A machine, and what was measured on it.
pub(crate) struct Machine {
    /// What stays the same from run to run: name and value.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// The commit that was measured, with a word about changes beside it.
    pub(crate) commit: String,
    /// The day, as `2026-11-30`.
    pub(crate) date: String,
}

impl Machine {
    /// Looks at this one.
    pub(crate) fn look() -> anyhow::Result<Self> {
        let facts = vec![
            ("processor", processor()?),
            ("memory", memory()?),
            ("system", system()?),
            ("compiler", said("rustc", &["--version"])?),
            ("libraries", libraries()?),
            ("load generator", load_generator()),
        ];
        let commit = said("git", &["rev-parse", "--short=12", "HEAD"])?;
        // Writing the page is itself a change.
        let changes = said(
            "git",
            &["status", "--porcelain", "--", ".", ":!docs/performance.md"],
        )?;
        Ok(Self {
            facts,
            commit: if changes.is_empty() {
                commit
            } else {
                format!("{commit} with changes")
            },
            date: said("date", &["--utc", "+%Y-%m-%d"])?,
        })
    }

    /// For a terminal.
    pub(crate) fn text(&self) -> String {
        let facts = self.facts.iter().map(|(name, value)| (*name, value.as_str()));
        let run = [
            ("commit", self.commit.as_str()),
            ("date", &self.date),
            ("command", &command()),
        ]
        .map(|(name, value)| (name, value.to_owned()));
        let lines = facts
            .map(|(name, value)| (name, value.to_owned()))
            .chain(run)
            .map(|(name, value)| format!("{name:<15} {value}\n"));
        lines.collect()
    }

    /// For a document: what stays the same from run to run.
    pub(crate) fn markdown(&self) -> String {
        let rows = self
            .facts
            .iter()
            .map(|(name, value)| format!("| {name} | {value} |\n"));
        format!("| machine | |\n| --- | --- |\n{}", rows.collect::<String>())
    }

    /// For a program.
    pub(crate) fn json(&self) -> Value {
        let facts: serde_json::Map<_, _> = self
            .facts
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        json!({ "facts": facts, "commit": self.commit, "date": self.date, "command": command() })
    }
}

/// What was typed to get here.
pub(crate) fn command() -> String {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    format!("cargo xtask {}", arguments.join(" "))
}

fn processor() -> anyhow::Result<String> {
    let text = fs::read_to_string("/proc/cpuinfo")?;
    let model = field(&text, "model name").unwrap_or(std::env::consts::ARCH);
    let cores = std::thread::available_parallelism()?;
    Ok(format!("{cores} × {model}"))
}

fn memory() -> anyhow::Result<String> {
    let text = fs::read_to_string("/proc/meminfo")?;
    let kilobytes: u64 = field(&text, "MemTotal")
        .and_then(|value| value.trim_end_matches(" kB").parse().ok())
        .context("the system does not say how much memory there is")?;
    Ok(format!("{} MB", kilobytes * 1_024 / 1_000_000))
}

fn system() -> anyhow::Result<String> {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))
        .unwrap_or(std::env::consts::OS);
    Ok(format!(
        "{}, kernel {}",
        name.trim_matches('"'),
        said("uname", &["-r"])?
    ))
}

/// The versions in the lock file.
fn libraries() -> anyhow::Result<String> {
    let lock = fs::read_to_string(root().join("Cargo.lock"))?;
    let versions = LIBRARIES.iter().map(|name| {
        let entry = format!("name = \"{name}\"\nversion = \"");
        let version = lock
            .split_once(&entry)
            .and_then(|(_, rest)| rest.split('"').next());
        format!("{name} {}", version.unwrap_or("?"))
    });
    Ok(versions.collect::<Vec<_>>().join(", "))
}

fn load_generator() -> String {
    // It says its version in the first words of its usage, and counts asking for it as a mistake.
    let output = Command::new("wrk").arg("--version").output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    said.ok()
        .and_then(|text| text.split(" [").next().map(str::to_owned))
        .unwrap_or_else(|| "none".to_owned())
}

/// The value of `name : value` in a file of `/proc`.
fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(found, _)| found.trim() == name)
        .map(|(_, value)| value.trim())
}

/// What a program prints.
pub(crate) fn said(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .output()
        .with_context(|| format!("cannot start {program}"))?;
    anyhow::ensure!(
        output.status.success(),
        "{program} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
