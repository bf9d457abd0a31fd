//! A server under measurement: started, read through `/proc`, ended.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use super::target;

/// Name and password of the owner that a measured PiCloud has.
pub(crate) const OWNER: (&str, &str) = ("bench", "a password for benchmarks");

/// A running server. Ends when dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it answers, such as `http://127.0.0.1:4711`.
    pub(crate) url: String,
    _data: Option<TempDir>,
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Time on the processor, all threads.
    pub(crate) cpu: Duration,
    /// Ticks of the kernel's clock spent, all threads.
    pub(crate) ticks: u64,
    /// Context switches of any kind, all threads.
    pub(crate) switches: u64,
    /// Resident memory in bytes.
    pub(crate) resident_bytes: u64,
    /// Threads.
    pub(crate) threads: u64,
}

impl Server {
    /// Starts a baseline, pinned to `core`.
    pub(crate) fn baseline(name: &str, core: Option<usize>) -> anyhow::Result<Self> {
        let mut command = pinned(&target::program(name), core);
        command.arg("127.0.0.1:0");
        Self::spawn(command, "listening on ", None)
    }

    /// Starts PiCloud on SQLite in a folder of its own.
    pub(crate) fn picloud(threads: usize, core: Option<usize>) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let command = picloud_command(data.path(), threads, core);
        Self::spawn(command, "Endpoint", Some(data))
    }

    /// Starts PiCloud on the database in `data`.
    pub(crate) fn picloud_on(data: &Path, threads: usize) -> anyhow::Result<Self> {
        Self::spawn(picloud_command(data, threads, None), "Endpoint", None)
    }

    fn spawn(mut command: Command, marker: &str, data: Option<TempDir>) -> anyhow::Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the server")?;
        let stdout = child.stdout.take().context("no standard output")?;
        let mut server = Self {
            child,
            url: String::new(),
            _data: data,
        };
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            if let Some((_, rest)) = line.split_once(marker) {
                let address = rest.trim().trim_start_matches("http://").trim_end_matches('/');
                server.url = format!("http://{}", address.replace("localhost", "127.0.0.1"));
                return Ok(server);
            }
        }
        bail!("the server ended before it was ready")
    }

    /// What the process has used so far.
    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        let process = format!("/proc/{}", self.child.id());
        let mut usage = Usage {
            resident_bytes: status_number(&process, "VmRSS:")? * 1_024,
            ..Usage::default()
        };
        for task in fs::read_dir(format!("{process}/task"))? {
            let task = task?.path().display().to_string();
            let nanos = fs::read_to_string(format!("{task}/schedstat"))?;
            usage.cpu += Duration::from_nanos(nanos.split(' ').next().unwrap_or_default().parse()?);
            usage.switches += status_number(&task, "voluntary_ctxt_switches:")?;
            usage.switches += status_number(&task, "nonvoluntary_ctxt_switches:")?;
            usage.ticks += ticks(&fs::read_to_string(format!("{task}/stat"))?)?;
            usage.threads += 1;
        }
        Ok(usage)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already; then there is nothing left to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn picloud_command(data: &Path, threads: usize, core: Option<usize>) -> Command {
    let mut command = pinned(&target::program("picloud"), core);
    command
        .args([
            "--bind",
            "127.0.0.1:0",
            "--log",
            "warn",
            "--serving-threads",
            &threads.to_string(),
            "--data-dir",
        ])
        .arg(data)
        .env("PICLOUD_ADMIN_USERNAME", OWNER.0)
        .env("PICLOUD_ADMIN_PASSWORD", OWNER.1);
    command
}

/// `program`, allowed to run on one core only if `core` says which.
pub(crate) fn pinned(program: &Path, core: Option<usize>) -> Command {
    let Some(core) = core else {
        return Command::new(program);
    };
    let mut command = Command::new("taskset");
    command.arg("--cpu-list").arg(core.to_string()).arg(program);
    command
}

fn status_number(folder: &str, field: &str) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("{folder}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .with_context(|| format!("no {field}"))?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// User and system time from `/proc/<pid>/task/<tid>/stat`: the 12th and 13th field after the name.
fn ticks(stat: &str) -> anyhow::Result<u64> {
    let (_, fields) = stat.rsplit_once(')').context("unreadable stat")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let number = |at: usize| {
        fields
            .get(at)
            .and_then(|text| text.parse::<u64>().ok())
            .context("unreadable stat")
    };
    Ok(number(11)? + number(12)?)
}
