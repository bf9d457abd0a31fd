//! What fuzzing needs beside the workspace.

use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

/// The version that the options here are known to fit.
const CARGO_FUZZ: &str = "0.13.2";

/// Makes sure that cargo-fuzz is there; installs it if it is not.
pub(super) fn ensure() -> anyhow::Result<()> {
    let there = Command::new("cargo")
        .args(["fuzz", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .context("cannot run cargo")?;
    if there.success() {
        return Ok(());
    }
    let installed = Command::new("cargo")
        .args(["install", "--locked", "cargo-fuzz", "--version", CARGO_FUZZ])
        .status()
        .context("cannot run cargo")?;
    ensure!(
        installed.success(),
        "cargo-fuzz is missing and could not be installed; install it: cargo install --locked cargo-fuzz"
    );
    Ok(())
}
