//! One process per data directory.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use crate::error::OpenError;

/// The lock on a data directory. The system gives it up when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct DirLock(File);

impl DirLock {
    /// Takes the lock, or tells who has it.
    pub(super) fn take(dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join("picloud.lock");
        let cannot = |error| OpenError::OpenFile(path.clone(), error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::Locked {
                    dir: dir.to_owned(),
                    process: process_in(&mut file),
                });
            }
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
        }
        // Only for the message that a second process shows, so a failure does not matter.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self(file))
    }

    /// Gives the lock up.
    pub(super) fn release(&self) {
        // It goes with the file in any case.
        let _ = self.0.unlock();
    }
}

fn process_in(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
