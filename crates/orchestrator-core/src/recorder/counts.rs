//! Successful runs of one thread that are counted instead of recorded.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use foldhash::fast::RandomState;
use picloud_shared::{
    execution::UnrecordedRuns,
    id::{AppId, ScriptId},
    time::Timestamp,
};

use super::{
    APPS_REMEMBERED_MAX, ByApp,
    rate::{Rate, Rates},
};

/// Counts of one serving thread. The lock is almost never contended: the writer takes it a few times a second.
#[derive(Default)]
pub(super) struct Counts(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    rates: ByApp<Arc<Rate>>,
    runs: HashMap<ScriptId, UnrecordedRuns, RandomState>,
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
        if counted.takes_token(rates, run.app_id, now) {
            Admission::Recorded
        } else {
            Admission::Counted {
                first: counted.add(run),
            }
        }
    }

    /// Counts a run; says whether nothing was counted before.
    pub(super) fn add(&self, run: UnrecordedRuns) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(run)
    }

    pub(super) fn take(&self) -> Vec<UnrecordedRuns> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.runs.drain().map(|(_, runs)| runs).collect()
    }
}

impl Counted {
    fn takes_token(&mut self, rates: &Rates, app: AppId, now: Timestamp) -> bool {
        if let Some(rate) = self.rates.get(&app) {
            return rate.take(now);
        }
        if self.rates.len() >= APPS_REMEMBERED_MAX {
            self.rates.clear();
        }
        self.rates.entry(app).or_insert(rates.of(app)).take(now)
    }

    fn add(&mut self, run: UnrecordedRuns) -> bool {
        let first = self.runs.is_empty();
        self.runs
            .entry(run.script_id)
            .and_modify(|sum| {
                sum.count += run.count;
                sum.duration_us = sum.duration_us.saturating_add(run.duration_us);
            })
            .or_insert(run);
        first
    }
}
