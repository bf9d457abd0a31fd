//! A PostgreSQL for one test, which may end it, stop it in its tracks, and fill its disk.
//!
//! The one that `cargo xtask test` starts serves all tests at one time, so it must stay up. This one is made of the
//! same programs.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::{chown, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, mpsc},
    thread,
};

use tempfile::TempDir;

use super::{
    SmallDisk, WAIT_MAX,
    database::{psql, required},
};

/// A server that listens on a socket in a folder that nobody else may enter. Ends when dropped.
pub(crate) struct Postgres {
    // Dropped before its folder.
    process: Mutex<Option<Running>>,
    disk: Option<SmallDisk>,
    folder: TempDir,
    account: Option<(u32, u32)>,
    /// The name of its database.
    database: &'static str,
}

/// The running server; ended at once when dropped.
struct Running(Child);

const READY: &str = "database system is ready to accept connections";

/// What it is told. Its data need not survive the machine, only its own end: so what it confirms is written, and not
/// flushed.
const SETTINGS: [&str; 8] = [
    "listen_addresses=",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=on",
    "shared_buffers=16MB",
    "log_min_messages=log",
    "log_min_error_statement=panic",
    "autovacuum=off",
];

impl Postgres {
    /// Makes one and starts it.
    pub(crate) fn start() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("picloud-postgres-")
            .tempdir()
            .expect("a folder can be made");
        let account = account();
        let postgres = Self {
            process: Mutex::new(None),
            disk: None,
            folder,
            account,
            database: "postgres",
        };
        postgres.give(postgres.folder.path());
        let output = postgres
            .program("initdb")
            .args([
                "--username",
                "postgres",
                "--auth",
                "trust",
                "--encoding",
                "UTF8",
                "--locale",
                "C",
            ])
            .args(["--no-sync", "--no-instructions", "--pgdata"])
            .arg(postgres.data())
            .output()
            .expect("initdb can be run");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        postgres.start_again();
        postgres
    }

    /// One whose database is on a disk of its own, and nothing else of it.
    pub(crate) fn start_on_small_disk() -> Self {
        let mut postgres = Self::start();
        let folder = postgres.folder.path().join("disk");
        postgres.disk = Some(SmallDisk::mount(&folder));
        postgres.give(&folder);
        let location = format!("CREATE TABLESPACE small LOCATION '{}'", folder.display());
        for statement in [location.as_str(), "CREATE DATABASE small TABLESPACE small"] {
            psql(&postgres.url(), statement).unwrap_or_else(|output| panic!("{output}"));
        }
        postgres.database = "small";
        postgres
    }

    /// One whose write-ahead log is on a disk of its own, and nothing else of it.
    pub(crate) fn start_with_log_on_small_disk() -> Self {
        let mut postgres = Self::start();
        postgres.stop();
        let folder = postgres.folder.path().join("disk");
        postgres.disk = Some(SmallDisk::mount(&folder));
        let (log, moved) = (postgres.data().join("pg_wal"), folder.join("pg_wal"));
        let output = Command::new("cp")
            .arg("--archive")
            .args([&log, &moved])
            .output()
            .expect("`cp` can be run");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        postgres.give(&folder);
        fs::remove_dir_all(&log).expect("its log can be removed");
        symlink(&moved, &log).expect("its log can be elsewhere");
        postgres.start_again();
        postgres
    }

    /// That disk.
    pub(crate) fn disk(&self) -> Option<&SmallDisk> {
        self.disk.as_ref()
    }

    /// The URL of its database.
    pub(crate) fn url(&self) -> String {
        let folder = self.folder.path().display();
        format!("postgres://postgres@localhost/{}?host={folder}", self.database)
    }

    /// Makes a folder its own, so that it can write there.
    fn give(&self, folder: &Path) {
        if let Some((user, group)) = self.account {
            chown(folder, Some(user), Some(group)).expect("the folder can be given away");
        }
    }

    /// Ends it at once: what it was doing is lost, its connections break, and it recovers when it is started.
    pub(crate) fn stop(&self) {
        *self.process() = None;
    }

    /// Starts it, and waits until it lets in whoever comes. It ends with the thread that calls this.
    pub(crate) fn start_again(&self) {
        let mut process = self.process();
        *process = None;
        let mut command = self.program("postgres");
        command
            .arg("-D")
            .arg(self.data())
            .arg("-k")
            .arg(self.folder.path());
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("postgres can be run");
        let log = child.stderr.take().expect("standard error is a pipe");
        *process = Some(Running(child));
        wait_until_ready(log);
    }

    /// Stops it and all that it has started in their tracks: whoever asks waits, until [`go_on`](Self::go_on).
    pub(crate) fn pause(&self) {
        self.signal_all("STOP");
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        self.signal_all("CONT");
    }

    fn signal_all(&self, name: &str) {
        if let Some(running) = &*self.process() {
            running.signal_all(name);
        }
    }

    fn process(&self) -> MutexGuard<'_, Option<Running>> {
        self.process.lock().expect("no holder panics")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A program of PostgreSQL, run as whoever it may run as. It ends when the calling thread does.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "QUIT"]);
        if let Some((user, group)) = self.account {
            command.args([
                format!("--reuid={user}"),
                format!("--regid={group}"),
                "--clear-groups".to_owned(),
            ]);
        }
        let psql = PathBuf::from(required("PICLOUD_TEST_PSQL"));
        command
            .arg("--")
            .arg(psql.with_file_name(name))
            .current_dir(self.folder.path())
            .env("LC_ALL", "C");
        for (variable, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
            command.env_remove(variable);
        }
        command
    }
}

impl Running {
    fn signal_all(&self, name: &str) {
        let main = [self.0.id()];
        // The one that starts others is the first to stop and the last to go on, so that none is missed.
        let (first, last): (&[u32], &[u32]) = if name == "STOP" {
            (&main, &[])
        } else {
            (&[], &main)
        };
        for id in first {
            signal(name, *id);
        }
        for id in children(self.0.id()).iter().chain(last) {
            signal(name, *id);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // An immediate end. One that was stopped in its tracks takes it only when it goes on.
        signal("QUIT", self.0.id());
        self.signal_all("CONT");
        let _ = self.0.wait();
    }
}

/// The processes that `parent` has started.
fn children(parent: u32) -> Vec<u32> {
    let line = format!("PPid:\t{parent}");
    let processes = fs::read_dir("/proc")
        .expect("the processes can be listed")
        .flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|id: &u32| {
            let status = fs::read_to_string(format!("/proc/{id}/status"));
            status.is_ok_and(|status| status.lines().any(|found| found == line))
        })
        .collect()
}

/// Sends a signal; whoever is gone needs none.
fn signal(name: &str, to: u32) {
    let _ = Command::new("sh")
        .arg("-c")
        .arg(format!("kill -{name} {to}"))
        .stderr(Stdio::null())
        .status();
}

/// Who it runs as when the tests run as root, since it refuses to be root.
fn account() -> Option<(u32, u32)> {
    let own = fs::read_to_string("/proc/self/status").expect("a process knows itself");
    let is_root = own
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .is_some_and(|ids| ids.split_whitespace().nth(1) == Some("0"));
    if !is_root {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("the accounts can be read");
    let ids = users.lines().find_map(|line| {
        let fields: Vec<_> = line.split(':').collect();
        match fields.as_slice() {
            ["postgres", _, user, group, ..] => Some((user.parse().ok()?, group.parse().ok()?)),
            _ => None,
        }
    });
    Some(ids.expect("there is an account `postgres`"))
}

/// Reads its log until it is ready, and on to its end in a thread.
fn wait_until_ready(log: impl std::io::Read + Send + 'static) {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            // Once it is ready nobody listens, but it must be able to write on.
            let _ = sender.send(line);
        }
    });
    let mut said = String::new();
    loop {
        let line = lines
            .recv_timeout(WAIT_MAX)
            .unwrap_or_else(|cause| panic!("PostgreSQL did not start ({cause}):\n{said}"));
        if line.contains(READY) {
            return;
        }
        said.push_str(&line);
        said.push('\n');
    }
}
