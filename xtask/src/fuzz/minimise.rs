//! From everything that was found to the few inputs that are kept.

use std::{cmp::Reverse, fs, io};

use anyhow::{Context as _, ensure};

use super::{Folders, Target, command};

/// Longest input that is kept, in bytes.
const KEPT_BYTES_MAX: usize = 1_024;
/// Most inputs that are kept of one target.
const KEPT_FILES_MAX: usize = 300;

/// Replaces the kept corpus by a few inputs that together reach what all that are known reach; if that takes too
/// many, by the longest of them, which reach the most.
///
/// How often a branch is taken does not count here: it leads the fuzzer on, and tells a test little.
pub(super) fn keep(target: Target, folders: &Folders) -> anyhow::Result<()> {
    let chosen = tempfile::Builder::new().prefix("picloud-corpus-").tempdir()?;
    let status = command(target)
        .arg(chosen.path())
        .args(folders.inputs())
        .args(["--", "-set_cover_merge=1", "-use_counters=0"])
        .arg(format!("-max_len={KEPT_BYTES_MAX}"))
        .status()
        .context("cannot run cargo-fuzz")?;
    ensure!(
        status.success(),
        "the corpus of {} was not minimised",
        target.name()
    );
    let kept = folders.kept();
    fs::remove_dir_all(&kept)?;
    fs::create_dir_all(&kept)?;
    let mut inputs = fs::read_dir(chosen.path())?
        .map(|entry| {
            let entry = entry?;
            Ok((Reverse(entry.metadata()?.len()), entry.file_name()))
        })
        .collect::<io::Result<Vec<_>>>()?;
    inputs.sort_unstable();
    for (_, name) in inputs.into_iter().take(KEPT_FILES_MAX) {
        fs::copy(chosen.path().join(&name), kept.join(&name))?;
    }
    Ok(())
}
