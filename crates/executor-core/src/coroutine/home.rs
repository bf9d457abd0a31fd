//! What the runs of one executor share.

use std::{rc::Rc, sync::Arc};

use picloud_shared::{
    memory::{MemoryAccount, MemoryBudget},
    seam::BusyRuns,
};

use super::{stack::StackPool, turns::Turns};
use crate::services::Services;

/// What the runs of one executor, and so of one thread, share.
pub(crate) struct Home {
    /// Stacks to run on.
    pub(super) stacks: StackPool,
    /// What the runs hold of the server's budget.
    pub(super) account: Rc<MemoryAccount>,
    /// Whose turn it is.
    pub(super) turns: Turns,
    /// What they may ask, if there is anything.
    pub(super) services: Option<Rc<Services>>,
}

impl Home {
    /// Keeps at most `stacks_kept_max` stacks; what runs hold counts in `memory`, and they may ask `services`.
    pub(crate) fn new(stacks_kept_max: usize, memory: Arc<MemoryBudget>, services: Option<Services>) -> Self {
        Self {
            stacks: StackPool::new(stacks_kept_max),
            account: MemoryAccount::new(memory),
            turns: Turns::default(),
            services: services.map(Rc::new),
        }
    }

    /// The runs that keep the thread busy.
    pub(crate) fn busy(&self) -> &BusyRuns {
        &self.turns.busy
    }
}
