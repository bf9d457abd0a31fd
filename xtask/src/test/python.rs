//! Programs in Python, each in an environment of its own under `target` with what its `requirements.txt` names.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

use super::debian;
use crate::root;

/// An environment, with all that the `requirements.txt` of its program names.
pub(super) struct Python {
    python: PathBuf,
    program: PathBuf,
}

/// Written when all is installed, so that a half-made environment is made anew.
const INSTALLED: &str = "installed.txt";

impl Python {
    /// Makes the environment of the program in the folder `xtask/{name}`, in `target`, unless it is there; installs what
    /// Debian has for that, if it is missing.
    pub(super) fn prepare(target: &Path, name: &str) -> anyhow::Result<Self> {
        let folder = target.join(name);
        let this = Self {
            python: folder.join("bin/python"),
            program: root().join("xtask").join(name),
        };
        let requirements = this.program.join("requirements.txt");
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

    /// Runs a file of the program. What it prints at the end is read as a result of Rust's tests.
    pub(super) fn command(&self, file: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(self.program.join(file)).current_dir(root());
        command
    }
}

fn succeeds(command: &mut Command) -> anyhow::Result<bool> {
    let status = command
        .status()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    Ok(status.success())
}
