//! A PostgreSQL for one run of the tests or benchmarks alone: made, started, stopped and deleted with the run.
//!
//! It takes nothing from a PostgreSQL that the machine has but the programs, and gives it nothing.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;

use super::debian;
use crate::signal;

/// A running server.
pub(crate) struct Postgres {
    child: Child,
    url: String,
    programs: PathBuf,
    account: Option<Account>,
    port: u16,
    settings: Vec<String>,
    folder: TempDir,
}

/// Who the server runs as: it refuses to run as root.
#[derive(Clone, Copy)]
struct Account {
    uid: u32,
    gid: u32,
}

/// How long the server may take until it accepts connections. Only a fault reaches this.
const START_MAX: Duration = Duration::from_mins(1);
const READY: &str = "database system is ready to accept connections";
/// Each cloud of the HTTP tests has a pool of connections, and many run at once.
const CONNECTIONS_MAX: u32 = 400;
/// The data need not survive the machine, only the programs under test.
const FOR_TESTS: [&str; 3] = ["fsync=off", "full_page_writes=off", "synchronous_commit=off"];

impl Postgres {
    /// Makes a new cluster for tests and starts it; installs PostgreSQL first if it is missing and root asks.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("picloud-postgres-").tempdir()?;
        Self::start_in(folder, &FOR_TESTS)
    }

    /// The same in `folder`, with `settings`.
    pub(crate) fn start_in(folder: TempDir, settings: &[&str]) -> anyhow::Result<Self> {
        let programs = programs()?;
        let account = if debian::is_root()? {
            Some(account("postgres")?)
        } else {
            None
        };
        let password = random_password()?;
        let password_file = folder.path().join("password");
        fs::write(&password_file, &password)?;
        if let Some(Account { uid, gid }) = account {
            for path in [folder.path(), &password_file] {
                chown(path, Some(uid), Some(gid))?;
            }
        }

        let data = folder.path().join("data");
        let output = program(&programs, "initdb", account, folder.path())
            .args([
                "--username",
                "postgres",
                "--auth",
                "scram-sha-256",
                "--encoding",
                "UTF8",
                "--locale",
                "C",
            ])
            .args(["--no-sync", "--no-instructions", "--pwfile"])
            .arg(&password_file)
            .arg("--pgdata")
            .arg(&data)
            .output()
            .context("cannot run initdb")?;
        ensure!(
            output.status.success(),
            "initdb failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );

        let port = free_port()?;
        let settings: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let child = serve(&programs, account, folder.path(), port, &settings)?;
        Ok(Self {
            child,
            url: format!("postgres://postgres:{password}@127.0.0.1:{port}/postgres"),
            programs,
            account,
            port,
            settings,
            folder,
        })
    }

    /// Ends it at once, as `pg_ctl restart -m immediate` does, and starts it again: what was under way is lost, what it
    /// has confirmed is not. From then on it ends with the thread that calls this.
    pub(crate) fn crash(&mut self) -> anyhow::Result<()> {
        self.stop();
        self.child = serve(
            &self.programs,
            self.account,
            self.folder.path(),
            self.port,
            &self.settings,
        )?;
        Ok(())
    }

    /// Leaves its folder behind when it ends; gives it.
    pub(crate) fn keep(&mut self) -> &Path {
        self.folder.disable_cleanup(true);
        self.folder.path()
    }

    /// Ends it, and all that it has started, without any goodbye.
    fn stop(&mut self) {
        // An immediate stop.
        signal::send("QUIT", self.child.id());
        let _ = self.child.wait();
    }

    /// Its superuser's URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The program that sends statements to it.
    pub(crate) fn psql(&self) -> PathBuf {
        self.program("psql")
    }

    /// A program that came with it.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// The process that starts all others.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts the server on a cluster in `folder`, and waits until it lets in whoever comes.
fn serve(
    programs: &Path,
    account: Option<Account>,
    folder: &Path,
    port: u16,
    settings: &[String],
) -> anyhow::Result<Child> {
    let mut child = program(programs, "postgres", account, folder)
        .arg("-D")
        .arg(folder.join("data"))
        .arg("-k")
        .arg(folder)
        .args(["-h", "127.0.0.1", "-p", &port.to_string()])
        .args(settings.iter().flat_map(|setting| ["-c", setting.as_str()]))
        .args([
            "-c",
            &format!("max_connections={CONNECTIONS_MAX}"),
            "-c",
            "shared_buffers=64MB",
        ])
        // Tests provoke errors by the thousand; what concerns the server itself is shown.
        .args([
            "-c",
            "log_min_messages=log",
            "-c",
            "log_min_error_statement=panic",
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run postgres")?;
    let ready = child
        .stderr
        .take()
        .context("no standard error")
        .and_then(wait_until_ready);
    if let Err(error) = ready {
        let _ = child.kill();
        let _ = child.wait();
        return Err(error);
    }
    Ok(child)
}

/// The folder of the newest PostgreSQL on this machine.
fn programs() -> anyhow::Result<PathBuf> {
    if let Some(found) = find_programs() {
        return Ok(found);
    }
    debian::install("postgresql")?;
    find_programs().context("the package postgresql was installed, but there is no program `initdb`")
}

fn find_programs() -> Option<PathBuf> {
    let complete = |folder: &PathBuf| {
        ["initdb", "postgres", "psql"]
            .iter()
            .all(|name| folder.join(name).is_file())
    };
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        });
    let newest = versions
        .filter(|(_, folder)| complete(folder))
        .max_by_key(|(version, _)| *version);
    newest
        .map(|(_, folder)| folder)
        .or_else(|| debian::folder_of("initdb").filter(complete))
}

/// A program of PostgreSQL, run as `account`. It ends when the calling thread does, however that ends.
fn program(programs: &Path, name: &str, account: Option<Account>, folder: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if let Some(Account { uid, gid }) = account {
        command.args([
            format!("--reuid={uid}"),
            format!("--regid={gid}"),
            "--clear-groups".to_owned(),
        ]);
    }
    command
        .arg("--")
        .arg(programs.join(name))
        .current_dir(folder)
        .env("LC_ALL", "C");
    for (variable, _) in
        std::env::vars_os().filter(|(variable, _)| variable.to_string_lossy().starts_with("PG"))
    {
        command.env_remove(variable);
    }
    command
}

fn account(name: &str) -> anyhow::Result<Account> {
    let users = fs::read_to_string("/etc/passwd")?;
    let fields = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.first() == Some(&name));
    match fields.as_deref() {
        Some([_, _, uid, gid, ..]) => Ok(Account {
            uid: uid.parse()?,
            gid: gid.parse()?,
        }),
        _ => bail!("PostgreSQL does not run as root, and there is no account `{name}` to run it as"),
    }
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A password for the time of the run, so that nobody else on the machine becomes its superuser.
fn random_password() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

/// Reads the server's log until it says that it is ready, and on to its end in a thread.
fn wait_until_ready(log: impl std::io::Read + Send + 'static) -> anyhow::Result<()> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            // Once it is ready nobody listens, but the server must be able to write on.
            let _ = sender.send(line);
        }
    });
    let mut said = String::new();
    loop {
        let line = lines
            .recv_timeout(START_MAX)
            .with_context(|| format!("PostgreSQL did not start:\n{said}"))?;
        if line.contains(READY) {
            return Ok(());
        }
        said.push_str(&line);
        said.push('\n');
    }
}
