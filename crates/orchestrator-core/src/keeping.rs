//! When old things are deleted while nothing happens.
//!
//! Whoever keeps records or events deletes the old ones while new ones come in. So that they go when none do, storage tells
//! up to when all that is left may be kept. That is one timer; there is none while nothing is kept.

use std::time::Duration;

use picloud_shared::time::Timestamp;
use tokio::time::{Instant, sleep_until};

/// The least time from one deletion to the next while nothing happens.
const INTERVAL_MIN: Duration = Duration::from_hours(1);
/// A timer never waits longer: the clock may be set meanwhile.
const SLEEP_MAX: Duration = Duration::from_hours(24);

/// Knows when something will be too old.
pub(crate) struct Keeping {
    /// Up to when all of it may be kept; none if nothing is there.
    until: Option<Timestamp>,
    purged_at: Instant,
}

impl Keeping {
    /// Nothing is known to be there, and what is too old is deleted now.
    pub(crate) fn new() -> Self {
        Self {
            until: None,
            purged_at: Instant::now(),
        }
    }

    /// There is something that may be kept up to `until`.
    pub(crate) fn keep(&mut self, until: Timestamp) {
        self.until = Some(self.until.map_or(until, |known| known.min(until)));
    }

    /// What is too old is deleted now. What is left is told afterwards.
    pub(crate) fn purge(&mut self) {
        *self = Self::new();
    }

    /// How long ago that was.
    pub(crate) fn since_purge(&self) -> Duration {
        self.purged_at.elapsed()
    }

    /// Whether something is too old, and was not looked for too recently.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until < now) && self.since_purge() >= INTERVAL_MIN
    }

    /// Waits until that may be so; for ever if nothing is there.
    pub(crate) async fn wait(&self, now: Timestamp) {
        let Some(until) = self.until else {
            return std::future::pending().await;
        };
        let micros = until.as_micros().saturating_sub(now.as_micros());
        let micros = u64::try_from(micros).unwrap_or(0).saturating_add(1);
        let due = Instant::now() + Duration::from_micros(micros).min(SLEEP_MAX);
        sleep_until(due.max(self.purged_at + INTERVAL_MIN)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
    const HOUR: Duration = Duration::from_hours(1);
    const SECOND: Duration = Duration::from_secs(1);

    /// How long it waits.
    async fn waits(keeping: &Keeping, now: Timestamp) -> Duration {
        let begun = Instant::now();
        keeping.wait(now).await;
        begun.elapsed()
    }

    fn is_about(waited: Duration, expected: Duration) -> bool {
        waited >= expected && waited < expected + SECOND
    }

    #[tokio::test(start_paused = true)]
    async fn it_waits_for_the_first_that_is_too_old() {
        let mut keeping = Keeping::new();
        keeping.keep(NOON.plus(5 * HOUR));
        keeping.keep(NOON.plus(3 * HOUR));
        keeping.keep(NOON.plus(4 * HOUR));
        assert!(is_about(waits(&keeping, NOON).await, 3 * HOUR));
        assert!(!keeping.is_due(NOON.plus(3 * HOUR)), "it may still be kept");
        assert!(keeping.is_due(NOON.plus(3 * HOUR + SECOND)));
        // Nothing is known of what is left.
        keeping.purge();
        assert!(!keeping.is_due(NOON.plus(100 * HOUR)));
    }

    #[tokio::test(start_paused = true)]
    async fn it_looks_once_an_hour_at_most_and_once_a_day_at_least() {
        let mut keeping = Keeping::new();
        keeping.keep(NOON.minus(HOUR));
        assert!(!keeping.is_due(NOON), "too soon");
        assert!(is_about(waits(&keeping, NOON).await, HOUR));
        assert!(keeping.is_due(NOON.plus(HOUR)));
        keeping.purge();
        keeping.keep(NOON.plus(1_000 * HOUR));
        assert!(is_about(waits(&keeping, NOON).await, 24 * HOUR));
        assert!(!keeping.is_due(NOON.plus(24 * HOUR)));
    }

    #[tokio::test(start_paused = true)]
    async fn it_waits_for_ever_while_nothing_is_there() {
        let keeping = Keeping::new();
        let waited = tokio::time::timeout(10_000 * HOUR, keeping.wait(NOON)).await;
        assert!(waited.is_err());
    }
}
