//! What was sent, and what was answered: kept here, in a process that nothing ends.

use std::{
    fmt::Write as _,
    ops::Range,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::kind::Kind;

/// All events, each by its number.
#[derive(Default)]
pub(super) struct Ledger {
    book: Mutex<Book>,
    more: Condvar,
}

#[derive(Default)]
struct Book {
    entries: Vec<Entry>,
    accepted: usize,
}

/// An event that was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    /// Whether nothing failed when it was sent.
    pub(super) is_calm: bool,
    pub(super) outcome: Outcome,
}

/// What its sender knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It may run or not.
    Unknown,
    /// It must not run.
    Refused,
    /// It was acknowledged at that moment, and must run.
    Accepted(Instant),
}

impl Ledger {
    /// Notes events before they are sent; gives their numbers.
    pub(super) fn begin(&self, kind: Kind, is_calm: bool) -> Range<usize> {
        let mut book = self.lock();
        let first = book.entries.len();
        let entry = Entry {
            kind,
            is_calm,
            outcome: Outcome::Unknown,
        };
        let last = first + kind.at_one_time();
        book.entries.resize(last, entry);
        first..last
    }

    /// Notes what was answered.
    pub(super) fn end(&self, numbers: Range<usize>, outcome: Outcome) {
        let mut book = self.lock();
        if matches!(outcome, Outcome::Accepted(_)) {
            book.accepted += numbers.len();
        }
        for entry in &mut book.entries[numbers] {
            entry.outcome = outcome;
        }
        self.more.notify_all();
    }

    /// How many were acknowledged.
    pub(super) fn accepted(&self) -> usize {
        self.lock().accepted
    }

    /// Waits until so many were acknowledged; tells whether they were in time.
    pub(super) fn wait_for(&self, accepted: usize, patience: Duration) -> bool {
        let waited = self
            .more
            .wait_timeout_while(self.lock(), patience, |book| book.accepted < accepted);
        let (book, _) = waited.unwrap_or_else(PoisonError::into_inner);
        book.accepted >= accepted
    }

    /// All of it, by number.
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.lock().entries.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The ledger as a file, for whoever looks into a trial that failed.
pub(super) fn table(entries: &[Entry], begun: Instant) -> String {
    let mut text = "number,kind,outcome,acknowledged_after_ms\n".to_owned();
    for (number, entry) in entries.iter().enumerate() {
        let (outcome, after) = match entry.outcome {
            Outcome::Unknown => ("unknown", String::new()),
            Outcome::Refused => ("refused", String::new()),
            Outcome::Accepted(at) => ("accepted", at.duration_since(begun).as_millis().to_string()),
        };
        let _ = writeln!(text, "{number},{},{outcome},{after}", entry.kind.name());
    }
    text
}
