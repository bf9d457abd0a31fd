//! The file: what it holds, what it says after a crash, and how a process begins a new one.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use picloud_shared::in_flight::{Ending, LostRun};
use uuid::Uuid;

use super::{
    faults, map,
    slot::{self, Mark, SLOT_WORDS, Slot},
};

/// Most threads that have a slot. More than any server has.
const SLOTS_MAX: usize = 1_024;

/// Names the format. A journal of another one is not read.
const MAGIC: u64 = u64::from_be_bytes(*b"picloud1");
/// The process is running, or ended without a word.
const OPEN: u64 = 1;
/// The process ended as it should.
const CLOSED: u64 = 2;

/// Words of the head: magic, state, boot, processes ended for want of memory; the rest is room.
const HEAD_WORDS: usize = 8;
const STATE: usize = 1;

const WORD_BYTES: usize = size_of::<u64>();
const BYTES_MAX: usize = (HEAD_WORDS + SLOTS_MAX * SLOT_WORDS) * WORD_BYTES;

/// What tells apart why a process ended without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemState {
    /// Another one each time the system starts. A journal from before is about a loss of power or a restart.
    pub boot_id: Uuid,
    /// How many processes the system has ended for want of memory since it started.
    pub oom_kills: u64,
}

/// The in-flight journal of the process before this one, and the file for the next.
#[derive(Debug)]
pub struct InFlightJournal {
    file: Locked,
    system: SystemState,
    lost: Vec<LostRun>,
}

/// The in-flight journal of this process. Clones are the same journal.
#[derive(Clone, Debug)]
pub struct InFlight {
    words: &'static [AtomicU64],
    slots_taken: Arc<AtomicUsize>,
    file: Arc<Locked>,
}

/// The file, which no other process has. Let go by name: a child process that is just being started may hold it open
/// for a moment longer.
#[derive(Debug)]
struct Locked(File);

impl Drop for Locked {
    fn drop(&mut self) {
        // It goes with the process in any case.
        let _ = self.0.unlock();
    }
}

impl InFlightJournal {
    /// Opens the file at `path`, makes it if it is not there, and reads what is in it. Fails if another process has
    /// it.
    pub fn open(path: &Path, system: SystemState) -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::new(io::ErrorKind::WouldBlock, "another process has it"),
            TryLockError::Error(error) => error,
        })?;
        let mut bytes = Vec::new();
        (&mut file).take(BYTES_MAX as u64).read_to_end(&mut bytes)?;
        Ok(Self {
            file: Locked(file),
            system,
            lost: lost_runs(&bytes, system),
        })
    }

    /// What was on a processor when the process before this one ended without a word.
    pub fn lost(&self) -> &[LostRun] {
        &self.lost
    }

    /// Forgets that, and begins to keep the journal of this process, for up to `threads` threads. To be called once
    /// in a process.
    pub fn begin(mut self, threads: usize) -> io::Result<InFlight> {
        let slots = threads.min(SLOTS_MAX);
        let (boot, boot_rest) = self.system.boot_id.as_u64_pair();
        let mut words = vec![0; HEAD_WORDS + slots * SLOT_WORDS];
        words[..5].copy_from_slice(&[MAGIC, OPEN, boot, boot_rest, self.system.oom_kills]);
        let bytes: Vec<u8> = words.into_iter().flat_map(u64::to_ne_bytes).collect();
        // Written and not only made that long: a page without a place on the disk could not be given one later.
        let file = &mut self.file.0;
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(&bytes)?;
        let words = map::map(file)?;
        faults::watch(words)?;
        Ok(InFlight {
            words,
            slots_taken: Arc::default(),
            file: Arc::new(self.file),
        })
    }
}

impl InFlight {
    /// From now on notes what this thread has on the processor. Without a slot left, nothing is noted.
    pub fn join(&self) {
        let at = self.slots_taken.fetch_add(1, Relaxed);
        let (slots, _) = self.words[HEAD_WORDS..].as_chunks::<SLOT_WORDS>();
        let slot = slots.get(at).map(Slot);
        if slot.is_none() {
            tracing::warn!("a thread has no place in the in-flight journal");
        }
        super::SLOT.set(slot);
    }

    /// Notes that the process ends as it should. What is noted after that is not read.
    pub fn close(&self) {
        self.words[STATE].store(CLOSED, Relaxed);
        let _ = self.file.0.unlock();
    }
}

/// What a journal says to a process that starts when the system is in this state.
fn lost_runs(bytes: &[u8], system: SystemState) -> Vec<LostRun> {
    let (words, _) = bytes.as_chunks::<WORD_BYTES>();
    let words: Vec<u64> = words.iter().copied().map(u64::from_ne_bytes).collect();
    let Some((head, slots)) = words.split_at_checked(HEAD_WORDS) else {
        return Vec::new();
    };
    let boot = Uuid::from_u64_pair(head[2], head[3]);
    if head[0] != MAGIC || head[STATE] != OPEN || boot != system.boot_id {
        return Vec::new();
    }
    let found: Vec<_> = slots
        .as_chunks()
        .0
        .iter()
        .copied()
        .filter_map(slot::read)
        .collect();
    let faulted = found.iter().any(|(_, mark)| *mark != Mark::Running);
    let out_of_memory = system.oom_kills > head[4];
    let lost = |(work, mark)| LostRun {
        work,
        ending: match mark {
            Mark::Blamed { signal } => Ending::Fault { signal },
            Mark::Running if out_of_memory && !faulted => Ending::OutOfMemory,
            Mark::Running => Ending::Outside,
        },
    };
    found.into_iter().map(lost).collect()
}
