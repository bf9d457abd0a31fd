//! Runs that were under way when the process ended without a word.

use crate::{
    id::{AppId, ExecutionId, ScriptId},
    invocation::Trigger,
};

/// Work that was on a processor when the process ended. What waited at that moment is not among it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostRun {
    /// What it was.
    pub work: LostWork,
    /// Why the process ended.
    pub ending: Ending,
}

/// What a thread was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostWork {
    /// It compiled or ran a script.
    Script {
        /// Whose.
        app_id: AppId,
        /// Which; the nil id for a source that was never saved.
        script_id: ScriptId,
        /// Which version; 0 for a source that was never saved.
        version: u32,
        /// The run.
        execution_id: ExecutionId,
        /// Why it ran.
        trigger: Trigger,
    },
    /// It checked a source that somebody was about to save.
    Check,
}

/// Why the process ended, as far as it has to do with one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By a fault in the very thread that the run was on: an abort, or an access to memory that is not there.
    Fault {
        /// The number of the signal that ended it.
        signal: u8,
    },
    /// The system was out of memory, and ended processes to get some.
    OutOfMemory,
    /// For a reason outside of the run: somebody killed the process, or something else in it failed.
    Outside,
}

impl Ending {
    /// Whether the run has to answer for it.
    pub fn is_strike(self) -> bool {
        matches!(self, Self::Fault { .. } | Self::OutOfMemory)
    }
}
