//! Programs from the npm registry, in the versions that `bench/peers/package.json` names.

use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

use crate::bench::target::{kept, source};

/// How a native program of Linux begins.
const ELF: [u8; 4] = *b"\x7fELF";

/// The program `name` that one of these packages brings. Until its install script has run, some other program
/// stands in its place that would start it as a process of its own, which is not the one to be measured.
pub(super) fn program(name: &str) -> anyhow::Result<PathBuf> {
    let program = install()?.join("node_modules/.bin").join(name);
    let mut start = [0; ELF.len()];
    File::open(&program)
        .and_then(|mut file| file.read_exact(&mut start))
        .with_context(|| format!("npm installed no {name}"))?;
    ensure!(start == ELF, "npm did not run the install script of {name}");
    Ok(program)
}

/// Installs all of them, unless they are there.
fn install() -> anyhow::Result<PathBuf> {
    let folder = kept("peers");
    let wanted = fs::read(source("peers/package.json"))?;
    let installed = folder.join("package.json");
    if !is_complete(&folder) || fs::read(&installed).ok().as_ref() != Some(&wanted) {
        fs::create_dir_all(&folder)?;
        fs::write(&installed, &wanted)?;
        let output = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(&folder)
            .output()
            .context("npm is not installed")?;
        ensure!(
            output.status.success(),
            "npm cannot install it: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(folder)
}

/// npm writes this file when it is done.
fn is_complete(folder: &Path) -> bool {
    folder.join("node_modules/.package-lock.json").is_file()
}
