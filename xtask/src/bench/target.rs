//! The programs that are measured: built with the `dist` profile, as packages are.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::ensure;

/// Builds PiCloud and the baselines.
pub(crate) fn build() -> anyhow::Result<()> {
    let status = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--profile",
            "dist",
            "--package",
            "picloud",
            "--package",
            "picloud-bench-baseline",
        ])
        .current_dir(root())
        .status()?;
    ensure!(status.success(), "the build failed");
    Ok(())
}

/// The program `name`, built by [`build`].
pub(crate) fn program(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join("dist").join(name)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}
