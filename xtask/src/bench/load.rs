//! The load generator: wrk, from the Debian package of that name.

use std::{fmt::Write as _, io::Write as _, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, ensure};
use tempfile::NamedTempFile;

use super::process::{Cores, Server, pinned};

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
    /// Of that, the threads on which PiCloud answers.
    pub(crate) serving_us_per_request: f64,
    /// Requests per second.
    pub(crate) requests_per_second: f64,
}

/// What is asked, again and again.
pub(crate) struct Question {
    pub(crate) path: String,
    /// What wrk runs to make its requests, unless it is one and the same without a body.
    script: Option<NamedTempFile>,
}

impl Question {
    /// `GET path`.
    pub(crate) fn get(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            script: None,
        }
    }

    /// `POST path` with a body of JSON.
    pub(crate) fn post_json(path: &str, body: &str) -> anyhow::Result<Self> {
        let script = format!(
            "wrk.method = \"POST\"\nwrk.headers[\"Content-Type\"] = \"application/json\"\nwrk.body = [==[{body}]==]\n"
        );
        Self::scripted(path, &script)
    }

    /// `GET`, each host and path in its turn. Each request has a number of its own, so that as much memory is
    /// walked over for few of them as for many.
    pub(crate) fn in_turn<'t>(targets: impl Iterator<Item = (&'t str, &'t str)>) -> anyhow::Result<Self> {
        let mut script = "local requests, turn = {}, 0\nlocal function add(host, path)\n  \
            requests[#requests + 1] = \"GET \" .. path .. \" HTTP/1.1\\r\\nHost: \" .. host .. \
            \"\\r\\nX-Number: \" .. (1000000 + #requests) .. \"\\r\\n\\r\\n\"\nend\n"
            .to_owned();
        // Lua bounds the size of a function, so the list comes in pieces.
        let targets: Vec<_> = targets.collect();
        for piece in targets.chunks(1_000) {
            script += "do local function piece()\n";
            for (host, path) in piece {
                let _ = writeln!(script, "  add(\"{host}\", \"{path}\")");
            }
            script += "end piece() end\n";
        }
        script += "function request()\n  turn = turn % #requests + 1\n  return requests[turn]\nend\n";
        Self::scripted("/", &script)
    }

    fn scripted(path: &str, script: &str) -> anyhow::Result<Self> {
        let mut file = NamedTempFile::with_suffix(".lua")?;
        file.write_all(script.as_bytes())?;
        Ok(Self {
            path: path.to_owned(),
            script: Some(file),
        })
    }
}

impl Load {
    /// Asks as fast as the core allows.
    pub(crate) fn run(self, server: &Server, question: &Question) -> anyhow::Result<Measured> {
        let mut command = pinned(Path::new("wrk"), Some(Cores::One(self.core)));
        command
            .args(["--threads", "1", "--connections", &self.connections.to_string()])
            .args(["--duration", &format!("{}s", self.seconds)])
            .args(["--header", "Host: localhost"]);
        if let Some(script) = &question.script {
            command.arg("--script").arg(script.path());
        }
        command.arg(format!("http://{}{}", server.address, question.path));

        let before = server.usage()?;
        let output = command.output().context("cannot start wrk")?;
        let after = server.usage()?;
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
        let per_request = |used: Duration| used.as_secs_f64() * 1e6 / requests;
        Ok(Measured {
            cpu_us_per_request: per_request(after.cpu.saturating_sub(before.cpu)),
            serving_us_per_request: per_request(after.serving.saturating_sub(before.serving)),
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
