//! Execution records, written off the hot path.
//!
//! A serving thread only appends to memory. One task of the control runtime takes what has gathered and writes
//! it in one transaction. It sleeps without a timer while there is nothing to write. What does not fit in
//! memory because storage is slow or away is dropped and counted; a request never waits for its record. A run that has
//! committed something has its record in the same transaction; here it is only counted, and told of.

mod config;
mod feed;
mod queue;
mod rate;
mod tally;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use picloud_shared::{
    calls::AppUse,
    execution::{CommittedRun, Execution, UnrecordedRuns},
    services::ServiceUse,
    time::Timestamp,
};
use tokio::sync::{Notify, oneshot};

pub use self::config::RecorderConfig;
use self::{
    feed::Feed,
    queue::{Ended, Pushed, Queue},
    writer::Writer,
};
pub(crate) use self::{
    rate::{NodeRate, Rate},
    tally::{Counted, Tally},
};

/// Takes execution records. A cheap handle; all copies are one recorder.
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
}

/// What the serving threads and the writer share.
struct Shared {
    node: String,
    queue: Queue,
    /// The scripts of which runs were counted since the writer looked last.
    counted: Mutex<Vec<Arc<dyn Counted>>>,
    /// What runs used of the services that no request of the public began.
    used_elsewhere: Mutex<Vec<AppUse>>,
    /// Wakes the writer when there is something to write and there was nothing before.
    pending: Notify,
    flushes: Mutex<Vec<oneshot::Sender<()>>>,
    /// Wakes the writer when somebody waits for it.
    hurry: Notify,
    /// Whom the writer tells of what it wrote.
    feed: Feed,
}

impl Recorder {
    /// Starts the writer on the runtime of the caller.
    pub fn start(config: RecorderConfig) -> Self {
        let shared = Arc::new(Shared {
            node: config.node.clone(),
            queue: Queue::new(config.records_waiting_max, config.bytes_waiting_max),
            counted: Mutex::default(),
            used_elsewhere: Mutex::default(),
            pending: Notify::new(),
            flushes: Mutex::default(),
            hurry: Notify::new(),
            feed: Feed::default(),
        });
        tokio::spawn(Writer::new(config, Arc::clone(&shared)).run());
        Self { shared }
    }

    /// How many records were dropped since the start because storage could not keep up. The successful runs
    /// among them are counted as unrecorded runs.
    pub fn dropped(&self) -> u64 {
        self.shared.queue.dropped()
    }

    /// Waits until everything is written that was recorded before this call. While storage is unavailable,
    /// this takes as long as that: the caller sets a bound.
    pub async fn flush(&self) {
        let (done, written) = oneshot::channel();
        self.shared
            .flushes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(done);
        self.shared.hurry.notify_one();
        // Only fails when the runtime ends, and the writer with it.
        let _ = written.await;
    }

    /// The name of this node, for records.
    pub(crate) fn node(&self) -> &str {
        &self.shared.node
    }

    /// Whether a successful run of `script` that began at `now` is to be recorded. If not, it is to be counted.
    pub(crate) fn admits<S: Counted>(script: &S, now: Timestamp) -> bool {
        script.tally().rate.take(now)
    }

    /// Whether a request to `script` that is refused at `now` is to be recorded.
    pub(crate) fn admits_refused<S: Counted>(script: &S, now: Timestamp) -> bool {
        script.tally().rate.take_refused(now)
    }

    /// Counts a successful run of `script` that is not recorded.
    #[inline]
    pub(crate) fn count<S: Counted + 'static>(&self, script: &Arc<S>, duration_us: u64) {
        if script.tally().add(duration_us) {
            self.wake_if(self.shared.list(Arc::clone(script) as Arc<dyn Counted>));
        }
    }

    /// Counts what a run of `script` used of the services.
    pub(crate) fn used<S: Counted + 'static>(&self, script: &Arc<S>, services: &[ServiceUse]) {
        if script.tally().add_used(services) {
            self.wake_if(self.shared.list(Arc::clone(script) as Arc<dyn Counted>));
        }
    }

    /// Takes a record of a run of `script`. Whether it fits or not, the call is short.
    pub(crate) fn record<S: Counted + 'static>(&self, script: &Arc<S>, execution: Execution) {
        self.take(script, Ended::Unwritten(execution));
    }

    /// Takes a run of `script` whose record was written with its commit. If there is no room for it, it counts as one
    /// without a record.
    pub(crate) fn committed<S: Counted + 'static>(&self, script: &Arc<S>, run: CommittedRun) {
        self.take(script, Ended::Committed(run));
    }

    fn take<S: Counted + 'static>(&self, script: &Arc<S>, ended: Ended) {
        if let Some(dropped) = self.push(ended)
            && let Some(duration_us) = dropped.success_us()
        {
            self.count(script, duration_us);
        }
    }

    /// Takes a run; gives it back if it does not fit.
    fn push(&self, ended: Ended) -> Option<Box<Ended>> {
        match self.shared.queue.push(ended) {
            Pushed::First => self.wake_if(true),
            Pushed::More => {}
            Pushed::Dropped(ended) => return Some(ended),
        }
        None
    }

    fn wake_if(&self, first: bool) {
        if first {
            self.shared.pending.notify_one();
        }
    }
}

impl Shared {
    /// Has the writer take the count of `script`; tells whether there was nothing to take before.
    fn list(&self, script: Arc<dyn Counted>) -> bool {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.push(script);
        counted.len() == 1
    }

    /// All counts, which start again from zero.
    fn take_counts(&self) -> (Vec<UnrecordedRuns>, Vec<AppUse>) {
        let counted = mem::take(&mut *self.counted.lock().unwrap_or_else(PoisonError::into_inner));
        let mut used = mem::take(&mut *self.used_elsewhere.lock().unwrap_or_else(PoisonError::into_inner));
        let mut runs = Vec::new();
        for script in counted {
            let taken = script.tally().take(script.ids());
            runs.extend(taken.runs);
            used.extend(taken.used);
        }
        (runs, used)
    }

    fn take_flushes(&self) -> Vec<oneshot::Sender<()>> {
        mem::take(&mut self.flushes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
