//! A clock that a test sets, in place of the machine's.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What a process is told of the time, with what Debian calls faketime.
#[derive(Clone)]
pub(crate) struct FakedClock {
    file: PathBuf,
}

/// The file in the folder of a cloud, and what is renamed to it: a half of it is never read.
const FILE: &str = "clock";
const NEXT_FILE: &str = "clock.next";

/// Moves the clock of the machine by a microsecond and back, so that the system tells everybody who waits for that. What
/// is given to a program alone, the system knows nothing of.
const TELL: &str = "
import ctypes

class Timeval(ctypes.Structure):
    _fields_ = [('seconds', ctypes.c_long), ('micros', ctypes.c_long)]

class Timex(ctypes.Structure):
    _fields_ = [('modes', ctypes.c_uint)] + [(f'unused{n}', ctypes.c_long) for n in range(4)] \
        + [('status', ctypes.c_int)] + [(f'unused{n}', ctypes.c_long) for n in range(4, 7)] \
        + [('time', Timeval), ('rest', ctypes.c_byte * 256)]

ADJ_SETOFFSET = 0x0100
system = ctypes.CDLL(None, use_errno=True)
for time in (Timeval(0, 1), Timeval(-1, 999_999)):
    if system.adjtimex(ctypes.byref(Timex(modes=ADJ_SETOFFSET, time=time))) < 0:
        raise OSError(ctypes.get_errno(), 'the clock cannot be set')
";

impl FakedClock {
    /// One that shows the time of the machine, kept in the folder of a cloud.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        let clock = Self {
            file: folder.join(FILE),
        };
        clock.write(0);
        clock
    }

    /// Has a process take it for the machine's.
    pub(crate) fn configure(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", library())
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_NO_CACHE", "1")
            // The time since the start of the machine is nobody's to set.
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("FAKETIME_DONT_RESET", "1");
    }

    /// Sets it so many seconds ahead of the machine's.
    pub(crate) fn set(&self, seconds: i64) {
        self.write(seconds);
        let output = Command::new("python3")
            .args(["-c", TELL])
            .output()
            .expect("`python3` can be run");
        assert!(
            output.status.success(),
            "the tests of clocks that are set tell so through the machine's clock, which takes root (CAP_SYS_TIME): {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn write(&self, seconds: i64) {
        let next = self.file.with_file_name(NEXT_FILE);
        fs::write(&next, format!("{seconds:+}\n")).expect("the folder can be written to");
        fs::rename(&next, &self.file).expect("the file can be renamed");
    }
}

/// Where Debian has it: in a folder that is named after the machine.
fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").expect("there are libraries");
    let found = folders
        .filter_map(Result::ok)
        .map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"))
        .find(|path| path.is_file());
    found.expect("faketime is installed; `cargo xtask test` installs it")
}
