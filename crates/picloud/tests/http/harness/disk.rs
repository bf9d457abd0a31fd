//! A disk so small that a test can fill it.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

/// Room for a new database and for what a test writes before it fills the rest.
const BYTES: u64 = 64 * 1_024 * 1_024;
/// What fills it.
const FILLER: &str = "filler";
const CHUNK_BYTES: usize = 64 * 1_024;

/// A file system in memory, mounted on a folder as long as this value.
pub(crate) struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts one on a new folder.
    pub(crate) fn mount(folder: &Path) -> Self {
        fs::create_dir(folder).expect("a folder can be made");
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={BYTES},mode=0700"), "tmpfs"])
            .arg(folder)
            .output()
            .expect("`mount` can be run");
        assert!(
            output.status.success(),
            "the tests of a full disk mount a small file system, which takes root (CAP_SYS_ADMIN): {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Leaves not a byte on it.
    pub(crate) fn fill(&self) {
        let mut file = File::create(self.folder.join(FILLER)).expect("there is room for an empty file");
        let chunk = vec![b'x'; CHUNK_BYTES];
        let error = loop {
            if let Err(error) = file.write_all(&chunk) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    }

    /// Gives back what [`fill`](Self::fill) took.
    pub(crate) fn free(&self) {
        fs::remove_file(self.folder.join(FILLER)).expect("the filler is there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Whoever has a file open keeps it; nobody finds it any more.
        let _ = Command::new("umount").arg("--lazy").arg(&self.folder).status();
    }
}
