//! How busy a serving thread is.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use picloud_shared::seam::BusyRuns;
use tokio::sync::Notify;

/// What a script weighs that uses all the time it gets, in open connections, when a new connection looks for a
/// thread. One that waits weighs as much as its connection.
const BUSY_WEIGHT: usize = 64;

/// How busy one serving thread is. Written by that thread, read by the acceptor.
#[derive(Default)]
pub(crate) struct Load {
    connections: AtomicUsize,
    runs: AtomicUsize,
    /// Of the thread's executor, once it has one.
    busy: OnceLock<BusyRuns>,
    /// Tells the acceptor that a connection has ended. Shared by all threads.
    ended: Arc<Notify>,
}

/// A script that runs; it ends with this value.
pub(crate) struct Running<'l>(&'l Load);

/// A connection; it ends with this value.
pub(crate) struct Open(Arc<Load>);

impl Load {
    pub(crate) fn new(ended: Arc<Notify>) -> Self {
        Self {
            connections: AtomicUsize::new(0),
            runs: AtomicUsize::new(0),
            busy: OnceLock::new(),
            ended,
        }
    }

    /// How much a new connection should avoid this thread.
    pub(crate) fn weight(&self) -> usize {
        self.connections() + self.runs.load(Ordering::Relaxed) + self.busy() * BUSY_WEIGHT
    }

    /// Runs that use all the time they get.
    pub(crate) fn busy(&self) -> usize {
        self.busy.get().map_or(0, BusyRuns::count)
    }

    /// Where the thread's executor counts them. Counts once.
    pub(crate) fn set_busy(&self, busy: BusyRuns) {
        self.busy.get_or_init(|| busy);
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Counts a connection from the moment at which it is given to the thread.
    pub(crate) fn open(self: &Arc<Self>) -> Open {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Open(Arc::clone(self))
    }

    /// Counts a run, unless `max` run already. Called by the one thread that this is the load of, so that
    /// reading and writing need not be one step.
    pub(crate) fn begin_run(&self, max: usize) -> Option<Running<'_>> {
        let runs = self.runs.load(Ordering::Relaxed);
        if runs >= max {
            return None;
        }
        self.runs.store(runs + 1, Ordering::Relaxed);
        Some(Running(self))
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let runs = self.0.runs.load(Ordering::Relaxed);
        self.0.runs.store(runs.saturating_sub(1), Ordering::Relaxed);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
        self.0.ended.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_script_weighs_more_than_connections_that_wait() {
        let (spinning, waiting) = (Arc::new(Load::default()), Arc::new(Load::default()));
        let busy = BusyRuns::default();
        spinning.set_busy(busy.clone());
        let _one = spinning.open();
        let _run = spinning.begin_run(10);
        let _others: Vec<_> = (0..20).map(|_| waiting.open()).collect();
        let _waiting_runs: Vec<_> = (0..20).map(|_| waiting.begin_run(100)).collect();
        assert!(spinning.weight() < waiting.weight());
        busy.begin();
        assert!(spinning.weight() > waiting.weight());
        busy.end();
        assert!(spinning.weight() < waiting.weight());
    }
}
