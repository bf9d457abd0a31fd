//! Programs that the tests need and that Debian has. Root installs what is missing; anybody else is told.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    process::Command,
};

use anyhow::{Context as _, bail, ensure};

/// Makes sure that `program` can be run, from the package `package`.
pub(crate) fn ensure(program: &str, package: &str) -> anyhow::Result<()> {
    if is_on_path(program) {
        return Ok(());
    }
    install(package)?;
    ensure!(
        is_on_path(program),
        "the package {package} was installed, but there is no program `{program}`"
    );
    Ok(())
}

/// Installs a package, without starting any service that it has.
pub(crate) fn install(package: &str) -> anyhow::Result<()> {
    let by_hand = format!("install it: apt-get install {package}");
    if !is_root()? {
        bail!("{package} is missing, and only root can install packages; {by_hand}");
    }
    ensure!(
        is_on_path("apt-get"),
        "{package} is missing, and so is apt-get; install the programs by hand"
    );
    let _quiet = NoServices::begin()?;
    for args in [
        &["update", "--quiet"][..],
        &["install", "--yes", "--quiet", "--no-install-recommends", package],
    ] {
        let status = Command::new("apt-get")
            .args(args)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .status()?;
        ensure!(
            status.success(),
            "{package} is missing and could not be installed; {by_hand}"
        );
    }
    Ok(())
}

/// Whether this process may do everything.
pub(crate) fn is_root() -> anyhow::Result<bool> {
    // The owner of a process's entry there is its effective user.
    Ok(fs::metadata("/proc/self")
        .context("cannot tell who runs this")?
        .uid()
        == 0)
}

/// The folder on `PATH` that holds `program`.
pub(crate) fn folder_of(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).find(|folder| folder.join(program).is_file())
}

fn is_on_path(program: &str) -> bool {
    folder_of(program).is_some()
}

/// While this exists, packages that are installed start no services; see `policy-rc.d(8)`.
struct NoServices {
    ours: bool,
}

const POLICY: &str = "/usr/sbin/policy-rc.d";

impl NoServices {
    fn begin() -> anyhow::Result<Self> {
        let ours = !Path::new(POLICY).exists();
        if ours {
            fs::write(POLICY, "#!/bin/sh\nexit 101\n")?;
            fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755))?;
        }
        Ok(Self { ours })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours {
            // Left behind, it would keep services from starting; there is nobody else to tell than the next who looks.
            let _ = fs::remove_file(POLICY);
        }
    }
}
