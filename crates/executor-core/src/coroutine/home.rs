//! What the runs of one executor share.

use std::{rc::Rc, sync::Arc};

use picloud_shared::{
    memory::{MemoryAccount, MemoryBudget},
    seam::BusyRuns,
};

use super::{stack::StackPool, turns::Turns};

/// What the runs of one executor, and so of one thread, share.
pub(crate) struct Home {
    /// Stacks to run on.
    pub(super) stacks: StackPool,
    /// What the runs hold of the server's budget.
    pub(super) account: Rc<MemoryAccount>,
    /// Whose turn it is.
    pub(super) turns: Turns,
}

impl Home {
    /// Keeps at most `stacks_kept_max` stacks; what runs hold counts in `memory`.
    pub(crate) fn new(stacks_kept_max: usize, memory: Arc<MemoryBudget>) -> Self {
        Self {
            stacks: StackPool::new(stacks_kept_max),
            account: MemoryAccount::new(memory),
            turns: Turns::default(),
        }
    }

    /// The runs that keep the thread busy.
    pub(crate) fn busy(&self) -> &BusyRuns {
        &self.turns.busy
    }
}
