//! How many successful runs, and requests that were refused before they ran, are recorded one by one: of an app, and of
//! all apps together.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use picloud_shared::time::Timestamp;

/// How many are recorded in a second when there are many, and at once after a quiet time.
#[derive(Clone, Copy)]
struct Bound {
    per_second: i64,
    burst: i64,
}

/// Successful runs of an app.
const APP: Bound = Bound {
    per_second: 20,
    burst: 100,
};

/// So that many apps together cost no more than a few busy ones: ten, going by what each may have.
const NODE: Bound = Bound {
    per_second: 200,
    burst: 1_000,
};

/// Requests to an app that were refused. Anybody may send them, so they are few, and take nothing from runs.
const APP_REFUSED: Bound = Bound {
    per_second: 2,
    burst: 100,
};

/// The same of all apps together.
const NODE_REFUSED: Bound = Bound {
    per_second: 20,
    burst: 1_000,
};

/// A token bucket, shared by all threads.
struct Bucket {
    /// The moment at which it will be full again.
    full_at: AtomicI64,
    bound: Bound,
}

/// The rate of one app, within that of the node.
pub(crate) struct Rate {
    runs: Bucket,
    refused: Bucket,
    node: NodeRate,
}

/// The rate of all apps together.
#[derive(Clone)]
pub(crate) struct NodeRate(Arc<NodeBuckets>);

struct NodeBuckets {
    runs: Bucket,
    refused: Bucket,
}

impl Bucket {
    fn new(bound: Bound) -> Self {
        Self {
            full_at: AtomicI64::new(i64::MIN),
            bound,
        }
    }

    /// Whether there is a token at `now`.
    fn has(&self, now: Timestamp) -> bool {
        self.after_one(self.full_at.load(Ordering::Relaxed), now)
            .is_some()
    }

    /// Takes a token, if there is one at `now`.
    fn take(&self, now: Timestamp) -> bool {
        let full_at = self.full_at.load(Ordering::Relaxed);
        // Whoever loses a race has its run counted instead of recorded.
        self.after_one(full_at, now).is_some_and(|next| {
            self.full_at
                .compare_exchange(full_at, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        })
    }

    /// When a bucket that will be full at `full_at` is full again if a token is taken at `now`; none if it has none.
    fn after_one(&self, full_at: i64, now: Timestamp) -> Option<i64> {
        let now = now.as_micros();
        let interval = 1_000_000 / self.bound.per_second;
        let depth = self.bound.burst * interval;
        // The clock may have been set back; then the bucket counts as full.
        let from = if full_at > now + depth {
            now
        } else {
            full_at.max(now)
        };
        let next = from + interval;
        (next <= now + depth).then_some(next)
    }
}

impl Rate {
    /// Whether a run at `now` is recorded.
    pub(super) fn take(&self, now: Timestamp) -> bool {
        // The bucket of the node is at hand; where many apps are asked, that of the app has to be brought from memory,
        // and nothing is taken from it in vain.
        let node = &self.node.0.runs;
        node.has(now) && self.runs.take(now) && node.take(now)
    }

    /// Whether a request that is refused at `now` is recorded.
    pub(super) fn take_refused(&self, now: Timestamp) -> bool {
        let node = &self.node.0.refused;
        node.has(now) && self.refused.take(now) && node.take(now)
    }
}

impl Default for NodeRate {
    fn default() -> Self {
        Self(Arc::new(NodeBuckets {
            runs: Bucket::new(NODE),
            refused: Bucket::new(NODE_REFUSED),
        }))
    }
}

impl NodeRate {
    /// The rate of one more app.
    pub(crate) fn app(&self) -> Arc<Rate> {
        Arc::new(Rate {
            runs: Bucket::new(APP),
            refused: Bucket::new(APP_REFUSED),
            node: self.clone(),
        })
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
        let node = NodeRate::default();
        let now = Timestamp::from_micros(START);
        let apps: Vec<_> = (0..5_000).map(|_| node.app()).collect();
        assert_eq!(apps.iter().filter(|app| app.take(now)).count(), 1_000);
        // What the node refused has cost the others nothing.
        let later = Timestamp::from_micros(START + 1_000_000);
        assert_eq!((0..300).filter(|_| apps[4_999].take(later)).count(), 100);
    }

    #[test]
    fn what_is_refused_takes_nothing_from_runs() {
        let node = NodeRate::default();
        let now = Timestamp::from_micros(START);
        let apps: Vec<_> = (0..5_000).map(|_| node.app()).collect();
        assert_eq!((0..300).filter(|_| apps[0].take_refused(now)).count(), 100);
        assert_eq!(apps.iter().filter(|app| app.take_refused(now)).count(), 900);
        assert_eq!((0..300).filter(|_| apps[0].take(now)).count(), 100);
    }
}
