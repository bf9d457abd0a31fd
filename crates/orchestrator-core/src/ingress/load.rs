//! How busy a serving thread is.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// What a script that runs weighs, in open connections, when a new connection looks for a thread.
const RUN_WEIGHT: usize = 8;

/// How busy one serving thread is. Written by that thread, read by the acceptor.
#[derive(Default)]
pub(crate) struct Load {
    connections: AtomicUsize,
    runs: AtomicUsize,
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
            ended,
        }
    }

    /// How much a new connection should avoid this thread.
    pub(crate) fn weight(&self) -> usize {
        self.connections() + self.runs.load(Ordering::Relaxed) * RUN_WEIGHT
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
