//! The load generator: wrk, from the Debian package of that name.

use std::{path::Path, process::Command};

use anyhow::{Context as _, ensure};

use super::process::{Server, pinned};

/// How hard to press.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) connections: usize,
    pub(crate) seconds: u32,
    pub(crate) core: usize,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// The server's processor time per request, in microseconds.
    pub(crate) cpu_us_per_request: f64,
    /// Requests per second.
    pub(crate) requests_per_second: f64,
}

impl Load {
    /// Asks for `path` as fast as the core allows.
    pub(crate) fn run(self, server: &Server, path: &str) -> anyhow::Result<Measured> {
        let before = server.usage()?;
        let output = pinned(Path::new("wrk"), Some(self.core))
            .args(["--threads", "1", "--connections", &self.connections.to_string()])
            .args([
                "--duration",
                &format!("{}s", self.seconds),
                "--header",
                "Host: localhost",
            ])
            .arg(format!("{}{path}", server.url))
            .output()
            .context("cannot start wrk")?;
        let used = server.usage()?.cpu.saturating_sub(before.cpu);
        let report = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success(),
            "wrk failed: {report}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        ensure!(!report.contains("Non-2xx"), "some answers were errors:\n{report}");
        ensure!(
            !report.contains("Socket errors"),
            "some connections broke:\n{report}"
        );
        let requests =
            number_before(&report, " requests in").context("wrk reported no number of requests")?;
        Ok(Measured {
            cpu_us_per_request: used.as_secs_f64() * 1e6 / requests,
            requests_per_second: requests / f64::from(self.seconds),
        })
    }
}

/// Installs wrk if it is missing, which needs root.
pub(crate) fn ensure_installed() -> anyhow::Result<()> {
    if Command::new("wrk").arg("--version").output().is_ok() {
        return Ok(());
    }
    let status = Command::new("apt-get")
        .args(["install", "--yes", "--quiet", "wrk"])
        .status();
    ensure!(
        status.is_ok_and(|status| status.success()),
        "wrk is missing; install the package `wrk`"
    );
    Ok(())
}

fn number_before(report: &str, marker: &str) -> Option<f64> {
    report
        .lines()
        .find_map(|line| line.split_once(marker))
        .and_then(|(number, _)| number.trim().parse().ok())
}
