//! How many successful runs are recorded one by one: of an app, and of all apps together.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use picloud_shared::{id::AppId, time::Timestamp};

/// Successful runs that are recorded in a second when there are many, and at once after a quiet time.
#[derive(Clone, Copy)]
struct Bound {
    per_second: i64,
    burst: i64,
}

const APP: Bound = Bound {
    per_second: 20,
    burst: 100,
};

/// So that many apps together cost no more than a few busy ones: ten, going by what each may have.
const NODE: Bound = Bound {
    per_second: 200,
    burst: 1_000,
};

/// Beyond this many apps, those that no thread counts runs of are forgotten.
const APPS_REMEMBERED_MAX: usize = 8_192;

/// A token bucket, shared by all threads.
struct Bucket {
    /// The moment at which it will be full again.
    full_at: AtomicI64,
    bound: Bound,
}

/// The rate of one app, within that of the node.
pub(super) struct Rate {
    app: Bucket,
    node: Arc<Bucket>,
}

/// The rates of all apps.
pub(super) struct Rates {
    apps: Mutex<HashMap<AppId, Arc<Rate>>>,
    node: Arc<Bucket>,
}

impl Bucket {
    fn new(bound: Bound) -> Self {
        Self {
            full_at: AtomicI64::new(i64::MIN),
            bound,
        }
    }

    /// Takes a token, if there is one at `now`.
    fn take(&self, now: Timestamp) -> bool {
        let now = now.as_micros();
        let interval = 1_000_000 / self.bound.per_second;
        let depth = self.bound.burst * interval;
        let full_at = self.full_at.load(Ordering::Relaxed);
        // The clock may have been set back; then the bucket counts as full.
        let from = if full_at > now + depth {
            now
        } else {
            full_at.max(now)
        };
        let next = from + interval;
        // Whoever loses a race has its run counted instead of recorded.
        next <= now + depth
            && self
                .full_at
                .compare_exchange(full_at, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

impl Rate {
    /// Whether a run at `now` is recorded.
    pub(super) fn take(&self, now: Timestamp) -> bool {
        // The app first: that is the one without a token, where there are many runs of few apps.
        self.app.take(now) && self.node.take(now)
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            apps: Mutex::default(),
            node: Arc::new(Bucket::new(NODE)),
        }
    }
}

impl Rates {
    pub(super) fn of(&self, app: AppId) -> Arc<Rate> {
        let mut rates = self.apps.lock().unwrap_or_else(PoisonError::into_inner);
        if rates.len() >= APPS_REMEMBERED_MAX {
            // Those that no thread holds; an app that comes back starts with a full bucket.
            rates.retain(|_, rate| Arc::strong_count(rate) > 1);
        }
        let rate = rates.entry(app).or_insert_with(|| {
            Arc::new(Rate {
                app: Bucket::new(APP),
                node: Arc::clone(&self.node),
            })
        });
        Arc::clone(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_700_000_000_000_000;

    #[test]
    fn a_burst_then_a_steady_rate() {
        let bucket = Bucket::new(APP);
        let taken = |from: i64, to: i64| {
            (from..to)
                .step_by(1_000)
                .filter(|micros| bucket.take(Timestamp::from_micros(*micros)))
                .count()
        };
        // One run each millisecond: all of the first 100, and what comes back meanwhile.
        assert_eq!(taken(START, START + 100_000), 100);
        assert_eq!(taken(START + 100_000, START + 10_100_000), 201);
        // A clock that was set back by an hour silences nothing.
        assert!(bucket.take(Timestamp::from_micros(START - 3_600_000_000)));
    }

    #[test]
    fn many_apps_share_the_rate_of_the_node() {
        let rates = Rates::default();
        let now = Timestamp::from_micros(START);
        let runs = (0..5_000).filter(|app| rates.of(AppId(uuid::Uuid::from_u128(*app))).take(now));
        assert_eq!(runs.count(), 1_000);
    }
}
