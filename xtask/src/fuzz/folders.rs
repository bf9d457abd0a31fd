//! Where inputs come from, and where what is found goes.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

use super::Target;
use crate::root;

/// The folders of one target.
pub(super) struct Folders {
    target: Target,
    /// Under the folder of builds: what this machine found so far.
    work: PathBuf,
}

impl Folders {
    /// Makes the folders, and for the targets that run scripts, what they begin with.
    pub(super) fn prepare(target: Target) -> anyhow::Result<Self> {
        let builds = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
        let folders = Self {
            target,
            work: std::path::absolute(builds)?.join("fuzz").join(target.name()),
        };
        for folder in [folders.working(), folders.found(), folders.kept()] {
            fs::create_dir_all(folder)?;
        }
        if target == Target::Script {
            write_seeds(&folders.work)?;
        }
        Ok(folders)
    }

    /// What is in the repository.
    pub(super) fn kept(&self) -> PathBuf {
        root().join("fuzz/corpus").join(self.target.name())
    }

    /// What was found here.
    pub(super) fn working(&self) -> PathBuf {
        self.work.join("corpus")
    }

    /// What broke something.
    pub(super) fn found(&self) -> PathBuf {
        self.work.join("artifacts")
    }

    /// How many inputs broke something.
    pub(super) fn found_count(&self) -> anyhow::Result<usize> {
        Ok(fs::read_dir(self.found())?.count())
    }

    /// All folders with inputs, the one to write to first.
    pub(super) fn inputs(&self) -> Vec<PathBuf> {
        let seeds = self.work.join("seeds");
        let mut inputs = vec![self.working(), self.kept()];
        inputs.extend(seeds.is_dir().then_some(seeds));
        inputs
    }

    /// Words that inputs are made of.
    pub(super) fn dictionary(&self) -> Option<PathBuf> {
        let written = root().join(format!("fuzz/dictionaries/{}.dict", self.target.name()));
        [self.work.join("dictionary"), written]
            .into_iter()
            .find(|dictionary| dictionary.is_file())
    }
}

/// Seeds and dictionary are made from the catalogue of the script API, each time anew.
fn write_seeds(folder: &Path) -> anyhow::Result<()> {
    let status = Command::new("cargo")
        .args([
            "run",
            "--quiet",
            "--package",
            "picloud-fuzz",
            "--example",
            "seeds",
            "--",
        ])
        .arg(folder)
        .current_dir(root())
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "the seeds could not be written");
    Ok(())
}
