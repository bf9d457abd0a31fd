//! What the process asks of the system before it starts.

use std::{fs, io};

#[cfg(target_os = "linux")]
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use picloud_executor_core::SystemState;

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

/// What tells a crash of the server from a restart of the system, and a fault from a want of memory.
pub(crate) fn system_state() -> io::Result<SystemState> {
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    Ok(SystemState {
        boot_id: boot_id.trim().parse().map_err(io::Error::other)?,
        // Older kernels do not count them; then none is ever the cause.
        oom_kills: oom_kills(&fs::read_to_string("/proc/vmstat")?).unwrap_or(0),
    })
}

fn oom_kills(vmstat: &str) -> Option<u64> {
    vmstat
        .lines()
        .find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_system_has_a_state() {
        let state = system_state().expect("Linux tells");
        assert_eq!(state.boot_id.get_version_num(), 4, "{state:?}");
        assert_eq!(
            system_state().ok().map(|state| state.boot_id),
            Some(state.boot_id)
        );
        assert_eq!(
            oom_kills("nr_free_pages 7\noom_kill 12\noom_kill_x 3\n"),
            Some(12)
        );
        assert_eq!(oom_kills("nr_free_pages 7\n"), None);
    }
}
