//! Runs that wait for the writer.

use std::{
    mem,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use picloud_shared::execution::{CommittedRun, Execution};

/// Runs that wait for the writer; bounded in number and in bytes.
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    records_max: usize,
    bytes_max: usize,
    dropped: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    runs: Gathered,
    bytes: usize,
}

/// What waits.
#[derive(Default)]
pub(super) struct Gathered {
    /// To be written.
    pub(super) records: Vec<Execution>,
    /// Written already; to be counted and told of.
    pub(super) committed: Vec<CommittedRun>,
}

/// A run that has ended.
pub(super) enum Ended {
    /// Its record is to be written.
    Unwritten(Execution),
    /// Its record was written with its commit.
    Committed(CommittedRun),
}

/// What became of it.
pub(super) enum Pushed {
    /// It waits, and nothing else did.
    First,
    /// It waits with others.
    More,
    /// There is no room for it.
    Dropped(Box<Ended>),
}

impl Gathered {
    fn len(&self) -> usize {
        self.records.len() + self.committed.len()
    }
}

impl Ended {
    fn record(&self) -> &Execution {
        match self {
            Self::Unwritten(record) | Self::Committed(CommittedRun { record, .. }) => record,
        }
    }

    /// How long the run took, if it succeeded.
    pub(super) fn success_us(&self) -> Option<u64> {
        match self {
            Self::Unwritten(record) => record.error.is_none().then_some(record.usage.duration_us),
            Self::Committed(run) => Some(run.duration_us),
        }
    }
}

impl Queue {
    pub(super) fn new(records_max: usize, bytes_max: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            records_max,
            bytes_max,
            dropped: AtomicU64::new(0),
        }
    }

    pub(super) fn push(&self, ended: Ended) -> Pushed {
        let bytes = size(ended.record());
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.runs.len() >= self.records_max || waiting.bytes + bytes > self.bytes_max {
            drop(waiting);
            if let Ended::Unwritten(_) = ended {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
            return Pushed::Dropped(Box::new(ended));
        }
        waiting.bytes += bytes;
        match ended {
            Ended::Unwritten(record) => waiting.runs.records.push(record),
            Ended::Committed(run) => waiting.runs.committed.push(run),
        }
        if waiting.runs.len() == 1 {
            Pushed::First
        } else {
            Pushed::More
        }
    }

    pub(super) fn take(&self) -> Gathered {
        mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner)).runs
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Counts records that were taken and could not be written.
    pub(super) fn add_dropped(&self, records: u64) {
        self.dropped.fetch_add(records, Ordering::Relaxed);
    }
}

/// About how much memory a record takes.
fn size(record: &Execution) -> usize {
    let request = &record.request;
    let logs: usize = record
        .logs
        .iter()
        .map(|line| mem::size_of_val(line) + line.message.len())
        .sum();
    let error = record.error.as_ref().map_or(0, |error| {
        let trace: usize = error
            .trace
            .iter()
            .map(|frame| mem::size_of_val(frame) + frame.function.len())
            .sum();
        error.message.len() + error.excerpt.as_ref().map_or(0, String::len) + trace
    });
    mem::size_of_val(record)
        + request.host.len()
        + request.path.len()
        + record.script_name.len()
        + logs
        + error
}
