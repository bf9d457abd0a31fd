//! How many successful runs of an app are recorded one by one.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use picloud_shared::{id::AppId, time::Timestamp};

/// Successful runs of an app that are recorded in a second, when there are many.
const RECORDS_PER_SECOND: i64 = 20;
/// Successful runs of an app that are recorded at once after a quiet time.
const RECORDS_BURST: i64 = 100;

/// Beyond this many apps, those that no thread counts runs of are forgotten.
const APPS_REMEMBERED_MAX: usize = 8_192;

const INTERVAL_US: i64 = 1_000_000 / RECORDS_PER_SECOND;

/// A token bucket for one app, shared by all threads: the moment at which it will be full again.
pub(super) struct Rate(AtomicI64);

/// The token buckets of all apps.
#[derive(Default)]
pub(super) struct Rates(Mutex<HashMap<AppId, Arc<Rate>>>);

impl Rate {
    /// Takes a token, if there is one at `now`.
    pub(super) fn take(&self, now: Timestamp) -> bool {
        let now = now.as_micros();
        let full_at = self.0.load(Ordering::Relaxed);
        // The clock may have been set back; then the bucket counts as full.
        let from = if full_at > now + RECORDS_BURST * INTERVAL_US {
            now
        } else {
            full_at.max(now)
        };
        let next = from + INTERVAL_US;
        // Whoever loses a race has its run counted instead of recorded.
        next <= now + RECORDS_BURST * INTERVAL_US
            && self
                .0
                .compare_exchange(full_at, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

impl Rates {
    pub(super) fn of(&self, app: AppId) -> Arc<Rate> {
        let mut rates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rates.len() >= APPS_REMEMBERED_MAX {
            // Those that no thread holds; an app that comes back starts with a full bucket.
            rates.retain(|_, rate| Arc::strong_count(rate) > 1);
        }
        Arc::clone(
            rates
                .entry(app)
                .or_insert_with(|| Arc::new(Rate(AtomicI64::new(i64::MIN)))),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_a_steady_rate() {
        let rate = Rate(AtomicI64::new(i64::MIN));
        let taken = |from: i64, to: i64| {
            (from..to)
                .step_by(1_000)
                .filter(|micros| rate.take(Timestamp::from_micros(*micros)))
                .count()
        };
        let start = 1_700_000_000_000_000;
        // One run each millisecond: all of the first 100, and what comes back meanwhile.
        assert_eq!(taken(start, start + 100_000), 100);
        assert_eq!(taken(start + 100_000, start + 10_100_000), 201);
        // A clock that was set back by an hour silences nothing.
        assert!(rate.take(Timestamp::from_micros(start - 3_600_000_000)));
    }
}
