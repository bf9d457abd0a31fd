//! Records that wait to be written.

use std::{
    mem,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use picloud_shared::execution::Execution;

/// Records that wait to be written; bounded in number and in bytes.
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    records_max: usize,
    bytes_max: usize,
    dropped: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    records: Vec<Execution>,
    bytes: usize,
}

/// What became of a record.
pub(super) enum Pushed {
    /// It waits, and nothing else did.
    First,
    /// It waits with others.
    More,
    /// There is no room for it.
    Dropped(Box<Execution>),
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

    pub(super) fn push(&self, record: Execution) -> Pushed {
        let bytes = size(&record);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.records.len() >= self.records_max || waiting.bytes + bytes > self.bytes_max {
            drop(waiting);
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return Pushed::Dropped(Box::new(record));
        }
        waiting.bytes += bytes;
        waiting.records.push(record);
        if waiting.records.len() == 1 {
            Pushed::First
        } else {
            Pushed::More
        }
    }

    pub(super) fn take(&self) -> Vec<Execution> {
        mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner)).records
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
