//! Journeys of people through the dashboard: a real Chromium in front of the real program.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::ensure;

use super::{
    dashboard::npm,
    debian,
    part::{cargo, target},
    postgres::Postgres,
};

/// Debian's package, and its program.
const CHROMIUM: &str = "chromium";

/// Makes sure that Node and Chromium are there.
pub(crate) fn prepare() -> anyhow::Result<()> {
    super::dashboard::prepare()?;
    debian::ensure(CHROMIUM, CHROMIUM)
}

/// The journeys on SQLite, and again on `postgres`.
pub(crate) fn commands(target: &Path, postgres: Option<&Postgres>) -> Vec<Command> {
    let mut commands = vec![
        npm(&["ci", "--no-audit", "--no-fund"]),
        build(),
        with_binary(target, &["run", "journeys"]),
    ];
    if let Some(postgres) = postgres {
        let mut again = with_binary(target, &["run", "journeys"]);
        again
            .env("PICLOUD_TEST_DATABASE", "postgres")
            .env("PICLOUD_TEST_POSTGRES_URL", postgres.url())
            .env("PICLOUD_TEST_PSQL", postgres.psql());
        commands.push(again);
    }
    commands
}

/// Takes pictures of all pages.
pub(crate) fn take_screenshots() -> anyhow::Result<()> {
    prepare()?;
    let target = target()?;
    for mut command in [
        npm(&["ci", "--no-audit", "--no-fund"]),
        build(),
        with_binary(&target, &["run", "gallery"]),
    ] {
        let status = command.status()?;
        ensure!(
            status.success(),
            "{} ended with {status}",
            command.get_program().display()
        );
    }
    Ok(())
}

fn build() -> Command {
    cargo(&["build", "--package", "picloud"])
}

/// `npm`, with the program to test and the browser.
fn with_binary(target: &Path, args: &[&str]) -> Command {
    let mut command = npm(args);
    let browser =
        debian::folder_of(CHROMIUM).map_or_else(|| PathBuf::from(CHROMIUM), |folder| folder.join(CHROMIUM));
    command
        .env("PICLOUD_BINARY", target.join("debug/picloud"))
        .env("PICLOUD_CHROMIUM", browser);
    command
}
