//! Generated requests, by schemathesis: a program in Python, in an environment of its own under `target`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

use super::debian;
use crate::root;

/// The environment, with all that `requirements.txt` names.
pub(crate) struct Schemathesis {
    python: PathBuf,
}

/// Written when all is installed, so that a half-made environment is made anew.
const INSTALLED: &str = "installed.txt";

impl Schemathesis {
    /// Makes the environment in `target`, unless it is there; installs what Debian has for that, if it is missing.
    pub(crate) fn prepare(target: &Path) -> anyhow::Result<Self> {
        let folder = target.join("schemathesis");
        let this = Self {
            python: folder.join("bin/python"),
        };
        let requirements = files().join("requirements.txt");
        let wanted = fs::read_to_string(&requirements)?;
        if fs::read_to_string(folder.join(INSTALLED)).is_ok_and(|installed| installed == wanted) {
            return Ok(this);
        }
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        debian::ensure("python3", "python3")?;
        if !succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"]))? {
            debian::install("python3-venv")?;
        }
        let made = succeeds(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        ensure!(made, "python3 cannot make an environment in {}", folder.display());
        let mut install = Command::new(&this.python);
        install
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(["--no-deps", "--requirement"])
            .arg(&requirements);
        ensure!(
            succeeds(&mut install)?,
            "cannot install {} from PyPI",
            requirements.display()
        );
        fs::write(folder.join(INSTALLED), wanted)?;
        Ok(this)
    }

    /// Runs it against the program in `target`, on `database`. It prints its result as Rust's tests do.
    pub(crate) fn command(&self, target: &Path, database: &str) -> Command {
        let mut command = Command::new(&self.python);
        command
            .arg(files().join("run.py"))
            .arg(database)
            .arg(target.join("debug/picloud"))
            .current_dir(root());
        command
    }
}

fn files() -> PathBuf {
    root().join("xtask/schemathesis")
}

fn succeeds(command: &mut Command) -> anyhow::Result<bool> {
    let status = command
        .status()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    Ok(status.success())
}
