//! Successful runs of one thread that are counted instead of recorded.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use foldhash::fast::RandomState;
use picloud_shared::{execution::UnrecordedRuns, id::ScriptId, time::Timestamp};

use super::rate::{Rate, Rates};

/// A thread that has seen more scripts than this forgets them all and starts again.
const SCRIPTS_REMEMBERED_MAX: usize = 8_192;

/// Counts of one serving thread. The lock is almost never contended: the writer takes it a few times a second.
#[derive(Default)]
pub(super) struct Counts(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    scripts: HashMap<ScriptId, Counter, RandomState>,
    /// Something was counted since the last time that the counts were taken.
    any: bool,
}

struct Counter {
    rate: Arc<Rate>,
    runs: UnrecordedRuns,
}

/// What is to become of a successful run.
pub(super) enum Admission {
    /// It is to be recorded.
    Recorded,
    /// It was counted.
    Counted {
        /// Nothing was counted before.
        first: bool,
    },
}

impl Counts {
    /// Decides whether a successful run is recorded, and counts it if not.
    pub(super) fn admit(&self, rates: &Rates, run: UnrecordedRuns, now: Timestamp) -> Admission {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let script = counted.script(rates, run);
        if script.rate.take(now) {
            return Admission::Recorded;
        }
        script.add(run);
        Admission::Counted {
            first: !mem::replace(&mut counted.any, true),
        }
    }

    /// Counts a run; says whether nothing was counted before.
    pub(super) fn add(&self, rates: &Rates, run: UnrecordedRuns) -> bool {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.script(rates, run).add(run);
        !mem::replace(&mut counted.any, true)
    }

    pub(super) fn take(&self) -> Vec<UnrecordedRuns> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !mem::take(&mut counted.any) {
            return Vec::new();
        }
        let taken = counted
            .scripts
            .values_mut()
            .filter(|counter| counter.runs.count > 0)
            .map(Counter::take);
        let taken = taken.collect();
        if counted.scripts.len() > SCRIPTS_REMEMBERED_MAX {
            counted.scripts.clear();
        }
        taken
    }
}

impl Counted {
    fn script(&mut self, rates: &Rates, run: UnrecordedRuns) -> &mut Counter {
        self.scripts.entry(run.script_id).or_insert_with(|| Counter {
            rate: rates.of(run.app_id),
            runs: UnrecordedRuns {
                count: 0,
                duration_us: 0,
                ..run
            },
        })
    }
}

impl Counter {
    fn add(&mut self, run: UnrecordedRuns) {
        self.runs.count += run.count;
        self.runs.duration_us = self.runs.duration_us.saturating_add(run.duration_us);
    }

    fn take(&mut self) -> UnrecordedRuns {
        let taken = self.runs;
        self.runs = UnrecordedRuns {
            count: 0,
            duration_us: 0,
            ..taken
        };
        taken
    }
}
