//! Execution records, written off the hot path.
//!
//! A serving thread only appends to memory. One task of the control runtime takes what has gathered and writes
//! it in one transaction. It sleeps without a timer while there is nothing to write. What does not fit in
//! memory because storage is slow or away is dropped and counted; a request never waits for its record.

mod config;
mod counts;
mod queue;
mod rate;
mod writer;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use picloud_shared::{
    execution::{Execution, UnrecordedRuns},
    time::Timestamp,
};
use tokio::sync::{Notify, oneshot};

pub use self::config::RecorderConfig;
use self::{
    counts::{Admission, Counts},
    queue::{Pushed, Queue},
    rate::Rates,
    writer::Writer,
};

/// Takes execution records. A cheap handle; all copies are one recorder.
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
}

/// The recorder as one serving thread uses it.
pub(crate) struct ThreadRecorder {
    shared: Arc<Shared>,
    counts: Arc<Counts>,
}

/// What the serving threads and the writer share.
struct Shared {
    node: String,
    queue: Queue,
    rates: Rates,
    threads: Mutex<Vec<Arc<Counts>>>,
    /// Wakes the writer when there is something to write and there was nothing before.
    pending: Notify,
    flushes: Mutex<Vec<oneshot::Sender<()>>>,
    /// Wakes the writer when somebody waits for it.
    hurry: Notify,
}

impl Recorder {
    /// Starts the writer on the runtime of the caller.
    pub fn start(config: RecorderConfig) -> Self {
        let shared = Arc::new(Shared {
            node: config.node.clone(),
            queue: Queue::new(config.records_waiting_max, config.bytes_waiting_max),
            rates: Rates::default(),
            threads: Mutex::default(),
            pending: Notify::new(),
            flushes: Mutex::default(),
            hurry: Notify::new(),
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

    pub(crate) fn for_thread(&self) -> ThreadRecorder {
        let counts = Arc::new(Counts::default());
        self.shared
            .threads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(&counts));
        ThreadRecorder {
            shared: Arc::clone(&self.shared),
            counts,
        }
    }
}

impl ThreadRecorder {
    /// The name of this node, for records.
    pub(crate) fn node(&self) -> &str {
        &self.shared.node
    }

    /// Whether a successful run that began at `now` is to be recorded. If not, it has been counted.
    pub(crate) fn admits(&self, run: UnrecordedRuns, now: Timestamp) -> bool {
        match self.counts.admit(&self.shared.rates, run, now) {
            Admission::Recorded => true,
            Admission::Counted { first } => {
                self.wake_if(first);
                false
            }
        }
    }

    /// Takes a record. Whether it fits or not, the call is short.
    pub(crate) fn record(&self, execution: Execution) {
        match self.shared.queue.push(execution) {
            Pushed::First => self.wake_if(true),
            Pushed::Dropped(execution) if execution.error.is_none() => {
                let run = UnrecordedRuns {
                    app_id: execution.app_id,
                    script_id: execution.script_id,
                    count: 1,
                    duration_us: execution.usage.duration_us,
                };
                self.wake_if(self.counts.add(&self.shared.rates, run));
            }
            Pushed::More | Pushed::Dropped(_) => {}
        }
    }

    fn wake_if(&self, first: bool) {
        if first {
            self.shared.pending.notify_one();
        }
    }
}

impl Shared {
    /// All counts of all threads, which start again from zero.
    fn take_counts(&self) -> Vec<UnrecordedRuns> {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = threads.iter().flat_map(|counts| counts.take()).collect();
        threads.retain(|counts| Arc::strong_count(counts) > 1);
        taken
    }

    fn take_flushes(&self) -> Vec<oneshot::Sender<()>> {
        std::mem::take(&mut self.flushes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
