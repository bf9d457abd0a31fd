//! What the process asks of the system before it starts.

use std::{fs, io, path::Path};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use picloud_executor_core::SystemState;

/// Files and connections that may be open at a time, if the system allows as many.
const OPEN_FILES_MAX: u64 = 65_536;

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

/// The memory that this process may have: the machine's, or less if its control group says so. Unknown on
/// systems that do not tell in the way of Linux.
pub(crate) fn memory_bytes() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    [
        fs::read_to_string("/proc/meminfo")
            .ok()
            .and_then(|text| total_bytes(&text)),
        group_bytes_max(&groups, Path::new("/sys/fs/cgroup")),
    ]
    .into_iter()
    .flatten()
    .min()
}

/// What stands in `/proc/meminfo`: `MemTotal:  16384 kB`.
fn total_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1_024)
}

/// The least bound of the process's control group (version 2, `0::/system.slice/picloud.service`) and of those
/// that it lies in.
fn group_bytes_max(groups: &str, root: &Path) -> Option<u64> {
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    root.join(group)
        .ancestors()
        .take_while(|folder| folder.starts_with(root))
        .filter_map(|folder| fs::read_to_string(folder.join("memory.max")).ok())
        // Without a bound it says `max`.
        .filter_map(|bound| bound.trim().parse().ok())
        .min()
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

    #[test]
    fn the_machines_memory_is_read() {
        assert_eq!(
            total_bytes("MemFree: 1 kB\nMemTotal:       16384 kB\n"),
            Some(16 * 1_024 * 1_024)
        );
        assert_eq!(total_bytes("nonsense"), None);
    }

    #[test]
    fn the_least_bound_of_the_groups_counts() -> std::io::Result<()> {
        let root = tempfile::tempdir()?;
        let group = root.path().join("system.slice/picloud.service");
        fs::create_dir_all(&group)?;
        let of = |groups| group_bytes_max(groups, root.path());
        assert_eq!(of("0::/system.slice/picloud.service\n"), None);
        fs::write(group.join("memory.max"), "max\n")?;
        fs::write(root.path().join("system.slice/memory.max"), "1000\n")?;
        assert_eq!(of("0::/system.slice/picloud.service\n"), Some(1_000));
        fs::write(group.join("memory.max"), "700\n")?;
        assert_eq!(of("1:name=x:/\n0::/system.slice/picloud.service\n"), Some(700));
        assert_eq!(of("0::/\n"), None);
        Ok(())
    }
}
