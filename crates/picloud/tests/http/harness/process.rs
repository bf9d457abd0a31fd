//! The real program, started and ended.

use std::{
    fs::{self, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

/// How long anything that must happen may take before a test gives up. Never reached when all is well.
pub(crate) const WAIT_MAX: Duration = Duration::from_mins(1);

/// A `picloud` process. Killed when dropped.
pub(crate) struct Process {
    child: Child,
    stdout: Receiver<String>,
    seen: Vec<String>,
    stderr: PathBuf,
}

impl Process {
    /// The program without any of this machine's settings.
    pub(crate) fn command() -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_picloud"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PICLOUD_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// Starts `command`; its standard error goes to the end of the file `stderr`.
    pub(crate) fn spawn(command: &mut Command, stderr: &Path) -> Self {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(stderr)
            .expect("the log can be opened");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("picloud can be started");
        let pipe = child.stdout.take().expect("standard output is a pipe");
        let (sender, stdout) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            stdout,
            seen: Vec::new(),
            stderr: stderr.to_owned(),
        }
    }

    /// The rest of the first line on standard output that begins with `label`, waiting for it.
    pub(crate) fn announced(&mut self, label: &str) -> String {
        loop {
            let found = self
                .seen
                .iter()
                .find_map(|line| line.trim_start().strip_prefix(label));
            if let Some(rest) = found {
                return rest.trim().to_owned();
            }
            match self.stdout.recv_timeout(WAIT_MAX) {
                Ok(line) => self.seen.push(line),
                Err(cause) => panic!(
                    "picloud announced no `{label}` ({cause}); it wrote:\n{}\n{}",
                    self.seen.join("\n"),
                    self.log()
                ),
            }
        }
    }

    /// Everything on standard output, once the process has ended.
    pub(crate) fn wait(&mut self) -> (ExitStatus, String) {
        loop {
            match self.stdout.recv_timeout(WAIT_MAX) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("picloud did not end within {WAIT_MAX:?}:\n{}", self.log())
                }
            }
        }
        let status = self.child.wait().expect("the process can be waited for");
        (status, self.seen.join("\n"))
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        Self::send(name, self.child.id());
    }

    /// Sends a signal to the thread of this name. The system hands it to that thread as long as it takes signals.
    pub(crate) fn signal_thread(&self, thread: &str, name: &str) {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("the process runs");
        let named = threads.filter_map(Result::ok).find(|entry| {
            fs::read_to_string(entry.path().join("comm")).is_ok_and(|found| found.trim() == thread)
        });
        let id = named.and_then(|entry| entry.file_name().to_str()?.parse().ok());
        Self::send(name, id.unwrap_or_else(|| panic!("no thread is called {thread}")));
    }

    fn send(name: &str, to: u32) {
        // The shell's own `kill`, as the program of that name is not on every machine.
        let sent = Command::new("sh")
            .arg("-c")
            .arg(format!("kill -{name} {to}"))
            .status();
        assert!(sent.is_ok_and(|status| status.success()), "cannot send {name}");
    }

    /// Ends it at once, as a loss of power would.
    pub(crate) fn kill(&mut self) {
        // It may be gone already; then there is nothing left to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// What it wrote to its log.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        let log = self.log();
        if thread::panicking() {
            let tail: Vec<&str> = log.lines().rev().take(LOG_LINES_SHOWN).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            let _ = writeln!(
                std::io::stderr(),
                "--- end of picloud's log\n{}\n---",
                tail.join("\n")
            );
        } else {
            assert!(!log.contains("panicked at"), "picloud panicked:\n{log}");
        }
    }
}

/// How much of the log a failed test shows.
const LOG_LINES_SHOWN: usize = 40;
