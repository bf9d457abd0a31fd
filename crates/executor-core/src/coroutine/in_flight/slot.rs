//! The words of a slot, and how they are written so that they can be read after any end.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed, compiler_fence};

use picloud_shared::{
    id::{AppId, ExecutionId, ScriptId},
    in_flight::LostWork,
    invocation::{Invocation, Trigger},
    script::LiveScript,
};
use uuid::Uuid;

/// Words of a slot: its state, then an entry. It fills a cache line, so that no thread slows another one down.
pub(super) const SLOT_WORDS: usize = 8;

const EMPTY: u64 = 0;
const RUNNING: u64 = 1;
/// The number of the signal stands above this byte.
const BLAMED: u64 = 2;

/// The number that stands for a check. Triggers are counted from 1.
const CHECK: u32 = 0;

/// What a thread has on the processor: the ids of app, script and run, the version, and why it runs. A source that
/// is only checked has none of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry([u64; SLOT_WORDS - 1]);

impl Entry {
    /// The entry of a run.
    pub(crate) fn of(invocation: &Invocation) -> Self {
        let script = &invocation.script;
        let [app, app_rest] = halves(script.app_id.0);
        let [id, id_rest] = halves(script.script_id.0);
        let [run, run_rest] = halves(invocation.id.0);
        let why = u64::from(number(invocation.trigger)) << 32;
        Self([
            app,
            app_rest,
            id,
            id_rest,
            run,
            run_rest,
            why | u64::from(script.version),
        ])
    }

    /// The same of another script, which the run calls.
    pub(crate) fn of_script(self, script: &LiveScript) -> Self {
        let Self([app, app_rest, _, _, run, run_rest, why_and_version]) = self;
        let [id, id_rest] = halves(script.script_id.0);
        let why = why_and_version & !u64::from(u32::MAX);
        Self([
            app,
            app_rest,
            id,
            id_rest,
            run,
            run_rest,
            why | u64::from(script.version),
        ])
    }

    fn read(self) -> Option<LostWork> {
        let [app, app_rest, id, id_rest, run, run_rest, why_and_version] = self.0;
        let why = u32::try_from(why_and_version >> 32).ok()?;
        if why == CHECK {
            return Some(LostWork::Check);
        }
        Some(LostWork::Script {
            app_id: AppId(whole(app, app_rest)),
            script_id: ScriptId(whole(id, id_rest)),
            version: u32::try_from(why_and_version & u64::from(u32::MAX)).ok()?,
            execution_id: ExecutionId(whole(run, run_rest)),
            trigger: Trigger::ALL.into_iter().find(|trigger| number(*trigger) == why)?,
        })
    }
}

/// How the work in a slot came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// It was on the processor.
    Running,
    /// It was on the processor of the very thread that this signal ended.
    Blamed { signal: u8 },
}

/// Where one thread notes what it has on the processor.
///
/// It is read after the process has ended, when everything is there that its threads wrote up to some instruction of
/// each. So it is the order of instructions alone that matters, which costs nothing to keep.
#[derive(Clone, Copy)]
pub(super) struct Slot(pub(super) &'static [AtomicU64; SLOT_WORDS]);

impl Slot {
    /// Notes that `entry` has the processor.
    #[inline]
    pub(super) fn enter(self, entry: &Entry) {
        let [state, words @ ..] = self.0;
        // Something is there already if one run polls another in place.
        state.store(EMPTY, Relaxed);
        compiler_fence(std::sync::atomic::Ordering::SeqCst);
        for (word, value) in words.iter().zip(entry.0) {
            word.store(value, Relaxed);
        }
        compiler_fence(std::sync::atomic::Ordering::SeqCst);
        state.store(RUNNING, Relaxed);
    }

    /// Notes that nothing has the processor.
    #[inline]
    pub(super) fn leave(self) {
        self.0[0].store(EMPTY, Relaxed);
    }

    /// Notes that a signal ends the process in this very thread, if something has the processor.
    pub(super) fn blame(self, signal: u8) {
        if self.0[0].load(Relaxed) == RUNNING {
            self.0[0].store(BLAMED | u64::from(signal) << 8, Relaxed);
        }
    }
}

/// What a slot says; nothing if it is empty, was being written, or makes no sense.
pub(super) fn read([state, entry @ ..]: [u64; SLOT_WORDS]) -> Option<(LostWork, Mark)> {
    let mark = match (state & 0xFF, u8::try_from(state >> 8)) {
        (RUNNING, Ok(0)) => Mark::Running,
        (BLAMED, Ok(signal)) => Mark::Blamed { signal },
        _ => return None,
    };
    Entry(entry).read().map(|work| (work, mark))
}

fn number(trigger: Trigger) -> u32 {
    match trigger {
        Trigger::Http => 1,
        Trigger::Execute => 2,
        Trigger::Test => 3,
        Trigger::Async => 4,
        Trigger::Event => 5,
        Trigger::Schedule => 6,
    }
}

fn halves(id: Uuid) -> [u64; 2] {
    let (first, rest) = id.as_u64_pair();
    [first, rest]
}

fn whole(first: u64, rest: u64) -> Uuid {
    Uuid::from_u64_pair(first, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry([1, 2, 3, 4, 5, 6, 3 << 32 | 7])
    }

    /// A slot, and what stands in it.
    fn slot() -> (Slot, impl Fn() -> [u64; SLOT_WORDS]) {
        let words: &'static [AtomicU64; SLOT_WORDS] = Box::leak(Box::default());
        (Slot(words), || words.each_ref().map(|word| word.load(Relaxed)))
    }

    #[test]
    fn what_has_the_processor_is_read_back() {
        let (slot, words) = slot();
        assert_eq!(read(words()), None);
        slot.enter(&entry());
        let work = LostWork::Script {
            app_id: AppId(Uuid::from_u64_pair(1, 2)),
            script_id: ScriptId(Uuid::from_u64_pair(3, 4)),
            version: 7,
            execution_id: ExecutionId(Uuid::from_u64_pair(5, 6)),
            trigger: Trigger::Test,
        };
        assert_eq!(read(words()), Some((work, Mark::Running)));
        slot.enter(&Entry::default());
        assert_eq!(read(words()), Some((LostWork::Check, Mark::Running)));
        slot.leave();
        assert_eq!(read(words()), None);
    }

    #[test]
    fn a_signal_blames_what_has_the_processor_and_nothing_else() {
        let (slot, words) = slot();
        slot.blame(11);
        assert_eq!(read(words()), None);
        slot.enter(&entry());
        slot.blame(11);
        slot.blame(6);
        let marks = read(words()).map(|(_, mark)| mark);
        assert_eq!(marks, Some(Mark::Blamed { signal: 11 }));
    }

    #[test]
    fn a_slot_that_was_being_written_says_nothing() {
        let (slot, words) = slot();
        slot.enter(&entry());
        let mut torn = words();
        torn[0] = EMPTY;
        assert_eq!(read(torn), None);
        for nonsense in [3, BLAMED | 300 << 8, RUNNING | 11 << 8, u64::MAX] {
            torn[0] = nonsense;
            assert_eq!(read(torn), None, "{nonsense:x}");
        }
        torn[0] = RUNNING;
        torn[7] = 9 << 32;
        assert_eq!(read(torn), None);
    }
}
