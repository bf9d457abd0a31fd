//! A server under measurement: started, read through `/proc`, ended.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;

use super::target::Programs;

/// Name and password of the owner that a measured PiCloud has.
pub(crate) const OWNER: (&str, &str) = ("bench", "a password for benchmarks");

/// How long a server that does not say when it is ready may take.
const READY_TIMEOUT: Duration = Duration::from_secs(20);

/// A process has come to rest when so many looks at it, one after the other, found that it had done nothing.
/// Together they last longer than what it does in the background waits for.
const QUIET_LOOKS: u32 = 8;
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
const REST_TIMEOUT: Duration = Duration::from_mins(1);

/// How the names of PiCloud's serving threads begin.
const SERVING: &str = "serve-";

/// A running server. Ends when dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it answers, such as `127.0.0.1:4711`.
    pub(crate) address: String,
    _data: Option<TempDir>,
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Time on the processor, all threads.
    pub(crate) cpu: Duration,
    /// Of that, the threads on which PiCloud answers.
    pub(crate) serving: Duration,
    /// Time that threads were ready to run while others had the processor.
    pub(crate) queued: Duration,
    /// Ticks of the kernel's clock spent, all threads.
    pub(crate) ticks: u64,
    /// Context switches of any kind, all threads.
    pub(crate) switches: u64,
    /// Resident memory in bytes.
    pub(crate) resident_bytes: u64,
    /// Threads.
    pub(crate) threads: u64,
}

/// How PiCloud is started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start<'d> {
    /// Its data; a folder of its own if absent.
    pub(crate) data: Option<&'d Path>,
    /// Serving threads.
    pub(crate) threads: usize,
    /// The cores that it may run on; any if absent.
    pub(crate) cores: Option<Cores>,
}

/// Some cores of the machine, as `taskset` takes them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cores {
    /// One.
    One(usize),
    /// From the first to this one.
    UpTo(usize),
}

impl Server {
    /// Starts a baseline, pinned to `core`.
    pub(crate) fn baseline(programs: &Programs, name: &str, core: usize) -> anyhow::Result<Self> {
        let mut command = pinned(&programs.program(name), Some(Cores::One(core)));
        command.arg("127.0.0.1:0");
        Self::spawn(command, "listening on ", None)
    }

    /// Starts PiCloud on SQLite.
    pub(crate) fn picloud(programs: &Programs, start: Start<'_>) -> anyhow::Result<Self> {
        Self::picloud_with(programs, start, &[])
    }

    /// The same with further settings.
    pub(crate) fn picloud_with(
        programs: &Programs,
        start: Start<'_>,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let own = match start.data {
            Some(_) => None,
            None => Some(tempfile::tempdir()?),
        };
        let data = start.data.or(own.as_ref().map(TempDir::path));
        let mut command = pinned(&programs.program("picloud"), start.cores);
        command
            .args(["--bind", "127.0.0.1:0", "--log", "warn", "--serving-threads"])
            .arg(start.threads.to_string())
            .arg("--data-dir")
            .arg(data.context("there is a folder")?)
            .env("PICLOUD_ADMIN_USERNAME", OWNER.0)
            .env("PICLOUD_ADMIN_PASSWORD", OWNER.1)
            .envs(settings.iter().copied());
        Self::spawn(command, "Endpoint", own)
    }

    /// Starts a server that says where it listens behind `marker` on standard output.
    fn spawn(mut command: Command, marker: &str, data: Option<TempDir>) -> anyhow::Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the server")?;
        let mut server = Self {
            child,
            address: String::new(),
            _data: data,
        };
        let stdout = server.child.stdout.take().context("no standard output")?;
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            if let Some((_, rest)) = line.split_once(marker) {
                let address = rest.trim().trim_start_matches("http://").trim_end_matches('/');
                server.address = address.replace("localhost", "127.0.0.1");
                return Ok(server);
            }
        }
        bail!("the server ended before it was ready")
    }

    /// Starts a server that was told to listen on `address`, and waits until it does.
    pub(crate) fn listening(mut command: Command, address: String) -> anyhow::Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the server")?;
        let mut server = Self {
            child,
            address,
            _data: None,
        };
        let start = Instant::now();
        while TcpStream::connect(&server.address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("the server ended before it listened: {status}");
            }
            ensure!(start.elapsed() < READY_TIMEOUT, "the server does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Waits until the process does nothing any more, and tells what it has used.
    pub(crate) fn rest(&self) -> anyhow::Result<Usage> {
        let begun = Instant::now();
        let (mut last, mut quiet) = (self.usage()?, 0);
        while quiet < QUIET_LOOKS {
            ensure!(begun.elapsed() < REST_TIMEOUT, "the server does not come to rest");
            thread::sleep(LOOK_INTERVAL);
            let now = self.usage()?;
            quiet = if now.cpu == last.cpu { quiet + 1 } else { 0 };
            last = now;
        }
        Ok(last)
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
            let scheduled = fs::read_to_string(format!("{task}/schedstat"))?;
            let mut nanos = scheduled
                .split(' ')
                .map(|number| number.parse().map(Duration::from_nanos));
            let cpu = nanos.next().context("unreadable schedstat")??;
            usage.cpu += cpu;
            if fs::read_to_string(format!("{task}/comm"))?.starts_with(SERVING) {
                usage.serving += cpu;
            }
            usage.queued += nanos.next().context("unreadable schedstat")??;
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

/// An address of this machine that nobody listens on.
pub(crate) fn free_address() -> anyhow::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// `program`, allowed to run on these cores only.
pub(crate) fn pinned(program: &Path, cores: Option<Cores>) -> Command {
    let list = match cores {
        None => return Command::new(program),
        Some(Cores::One(core)) => core.to_string(),
        Some(Cores::UpTo(last)) => format!("0-{last}"),
    };
    let mut command = Command::new("taskset");
    command.arg("--cpu-list").arg(list).arg(program);
    command
}

/// Bytes in megabytes.
#[expect(clippy::cast_precision_loss, reason = "memory in megabytes with one decimal")]
pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
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
