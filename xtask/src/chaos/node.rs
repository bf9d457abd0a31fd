//! One server, which is ended, stopped and started.

use std::{
    fs::{self, OpenOptions},
    io::{BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};

use crate::signal;

/// Name and password of the owner.
pub(super) const OWNER: (&str, &str) = ("chaos", "a password for the storm");

/// How long a server may take until it listens. Only a fault reaches this.
const START_MAX: Duration = Duration::from_mins(1);
/// What it says before the address on which it listens.
const READY: &str = "Endpoint";

/// A server with a folder of its own. Ends when dropped.
pub(super) struct Node {
    program: PathBuf,
    folder: PathBuf,
    name: String,
    /// None on SQLite.
    database: Option<String>,
    /// The same for all nodes.
    key: PathBuf,
    child: Option<Child>,
}

impl Node {
    /// One that is not started yet.
    pub(super) fn new(program: &Path, folder: &Path, name: String, database: Option<String>) -> Self {
        Self {
            program: program.to_owned(),
            folder: folder.join(&name),
            name,
            database,
            key: folder.join("secret.key"),
            child: None,
        }
    }

    /// Starts it, and waits until it listens; gives where. It ends with the thread that calls this.
    pub(super) fn start(&mut self) -> anyhow::Result<String> {
        fs::create_dir_all(&self.folder)?;
        let log = OpenOptions::new().create(true).append(true).open(self.log())?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(&self.program);
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PICLOUD_"))
        {
            command.env_remove(name);
        }
        command
            .args(["--bind", "127.0.0.1:0", "--node-name", &self.name, "--data-dir"])
            .arg(self.folder.join("data"))
            .arg("--secret-key-file")
            .arg(&self.key)
            .env("PICLOUD_ADMIN_USERNAME", OWNER.0)
            .env("PICLOUD_ADMIN_PASSWORD", OWNER.1);
        if let Some(url) = &self.database {
            command.env("PICLOUD_DATABASE_URL", url);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("cannot start the server")?;
        let stdout = child.stdout.take();
        // From here on it ends with this value, whatever it says.
        self.child = Some(child);
        let address = listening(stdout.context("no standard output")?);
        address.with_context(|| format!("{} did not start; see {}", self.name, self.log().display()))
    }

    /// Ends it at once, as a loss of power would.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            let ended = child.try_wait()?;
            ensure!(
                ended.is_none(),
                "{} ended by itself; see {}",
                self.name,
                self.log().display()
            );
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Tells it to end, and waits until it has given back what it held.
    pub(super) fn end(&mut self) -> anyhow::Result<()> {
        self.signal("TERM");
        if let Some(mut child) = self.child.take() {
            let status = child.wait()?;
            ensure!(
                status.success(),
                "{} ended with {status}; see {}",
                self.name,
                self.log().display()
            );
        }
        Ok(())
    }

    /// Stops it in its tracks.
    pub(super) fn stop(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub(super) fn go_on(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        if let Some(child) = &self.child {
            signal::send(name, child.id());
        }
    }

    /// Whether it did not end by itself, and never panicked.
    pub(super) fn is_well(&mut self) -> anyhow::Result<bool> {
        let ended = match &mut self.child {
            Some(child) => child.try_wait()?,
            None => None,
        };
        Ok(ended.is_none() && !fs::read_to_string(self.log())?.contains("panicked at"))
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may be gone already; then there is nothing left to end.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits until it says where it listens, and reads what else it says in a thread, so that it can write on.
fn listening(stdout: impl Read + Send + 'static) -> anyhow::Result<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    loop {
        let line = lines.recv_timeout(START_MAX)?;
        if let Some(origin) = line.trim_start().strip_prefix(READY) {
            let address = origin.trim().trim_start_matches("http://").trim_end_matches('/');
            return Ok(address.replace("localhost", "127.0.0.1"));
        }
    }
}
