//! The programs that are measured, as cargo builds them with one profile.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::ensure;

use crate::root;

/// The servers.
const SERVERS: [&str; 2] = ["picloud", "picloud-bench-baseline"];

/// The programs of one profile.
pub(crate) struct Programs {
    profile: String,
    build: bool,
}

impl Programs {
    /// Those that are built with `profile`, or were before if they are not to be built again.
    pub(crate) fn of(profile: &str, build: bool) -> Self {
        Self {
            profile: profile.to_owned(),
            build,
        }
    }

    /// Builds PiCloud and the baselines.
    pub(crate) fn build_servers(&self) -> anyhow::Result<()> {
        self.build(&SERVERS.map(|name| format!("--package={name}")))
    }

    /// Builds what measures the executor without a server.
    pub(crate) fn build_engines(&self) -> anyhow::Result<()> {
        self.build(
            &[
                "--package=picloud-executor-core",
                "--example=cpu_rhai",
                "--example=cpu_picloud",
            ]
            .map(str::to_owned),
        )
    }

    /// Builds what asks a database without PiCloud.
    pub(crate) fn build_query(&self) -> anyhow::Result<()> {
        self.build(&["--package=picloud-store", "--example=direct_query"].map(str::to_owned))
    }

    fn build(&self, what: &[String]) -> anyhow::Result<()> {
        if !self.build {
            return Ok(());
        }
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--profile", &self.profile])
            .args(what)
            .current_dir(root())
            .status()?;
        ensure!(status.success(), "the build failed");
        Ok(())
    }

    /// The program `name`.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// The example `name`.
    pub(crate) fn example(&self, name: &str) -> PathBuf {
        self.folder().join("examples").join(name)
    }

    fn folder(&self) -> PathBuf {
        match self.profile.as_str() {
            "dev" => target().join("debug"),
            profile => target().join(profile),
        }
    }
}

/// Where cargo puts what it builds.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A folder for what benchmarks keep from one run to the next.
pub(crate) fn kept(name: &str) -> PathBuf {
    target().join("bench").join(name)
}

/// A folder of the repository.
pub(crate) fn source(path: &str) -> PathBuf {
    Path::new(root()).join("bench").join(path)
}
