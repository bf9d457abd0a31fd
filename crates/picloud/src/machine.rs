//! What the process asks of the system before it starts.

#[cfg(target_os = "linux")]
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Files and connections that may be open at a time, if the system allows as many.
const OPEN_FILES_MAX: u64 = 65_536;

/// Turns huge pages off: the allocator asks for pages of 2 MiB, of which a small server would leave most
/// unused. Comes before everything else, because pages that are there already stay.
pub(crate) fn refuse_huge_pages() {
    // A system that has none need not refuse them.
    #[cfg(target_os = "linux")]
    let _ = prctl::set_thp_disable(true);
}

/// Allows as many connections as the system lets a process have. A connection is a file to the system, and
/// the usual bound of 1,024 is too low for a server.
pub(crate) fn allow_connections() {
    if let Err(error) = raise_open_files() {
        tracing::warn!(%error, "cannot raise the number of files that may be open");
    }
}

fn raise_open_files() -> nix::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let wanted = hard.min(OPEN_FILES_MAX);
    if soft < wanted {
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)?;
    }
    Ok(())
}
