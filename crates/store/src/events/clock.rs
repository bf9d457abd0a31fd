//! What becomes of moments when the clock is set back.
//!
//! What was due stays due, and what waits for its next run waits no longer than it was to. What somebody wanted at a
//! moment of the clock waits for that moment.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use picloud_shared::{events::LEASE, repository::StoreError, time::Timestamp};

use crate::{db::Db, statements::statements, value::args};

/// A smaller step back only delays by itself.
const STEP_MIN: Duration = Duration::from_secs(1);

statements! {
    LATEST_ACCEPTED = "SELECT MAX(accepted_at) AS moment FROM deliveries \
        WHERE state IN ('waiting', 'behind', 'running')";
    MAKE_DUE = "UPDATE deliveries SET due_at = $1 \
        WHERE state IN ('waiting', 'behind') AND due_at > $1 AND due_at <= $2";
    /// What waits for another run. Of what is wanted at a moment, nothing has gone wrong yet.
    MOVE_RETRIES = "UPDATE deliveries SET due_at = due_at - $1 \
        WHERE state IN ('waiting', 'behind') AND due_at > $2 AND attempts + faults + aborts > 0";
    /// What has failed tells by when it did how long it was to wait.
    MOVE_FAILURES = "UPDATE deliveries SET failed_at = failed_at - $1 \
        WHERE state IN ('waiting', 'behind') AND failed_at > $2";
    WAIT_FROM_NOW = "UPDATE deliveries SET due_at = due_at - (failed_at - $1), failed_at = $1 \
        WHERE state IN ('waiting', 'behind') AND failed_at > $2 AND due_at > $1";
    SHORTEN_LEASES = "UPDATE deliveries SET lease_until = $1 WHERE state = 'running' AND lease_until > $1";
}

/// The latest moment that was seen.
#[derive(Debug)]
pub(crate) struct LatestMoment(AtomicI64);

impl Default for LatestMoment {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl LatestMoment {
    /// Follows a clock that was set back before this process began. The latest moment that was seen is known as far as what
    /// waits or runs tells: when it was accepted. What failed later still, and waits, does so from `now` on.
    pub(super) async fn begin(&self, db: &Db, now: Timestamp) -> Result<(), StoreError> {
        let (moment,): (Option<i64>,) = db.fetch_one(LATEST_ACCEPTED, args![]).await?;
        self.0.fetch_max(moment.unwrap_or(i64::MIN), Ordering::Relaxed);
        self.look_back(db, now).await?;
        let mut transaction = db.write().await?;
        transaction
            .execute(WAIT_FROM_NOW, args![now, now.plus(STEP_MIN)])
            .await?;
        transaction.commit().await
    }

    /// Notes `now`. If the clock was set back since, moves what waits along with it.
    pub(super) async fn look_back(&self, db: &Db, now: Timestamp) -> Result<(), StoreError> {
        let latest = self.0.fetch_max(now.as_micros(), Ordering::Relaxed);
        if latest <= now.plus(STEP_MIN).as_micros() {
            return Ok(());
        }
        // Only one of several who notice moves what waits.
        let noted = (self.0).compare_exchange(latest, now.as_micros(), Ordering::Relaxed, Ordering::Relaxed);
        if noted.is_err() {
            return Ok(());
        }
        tracing::warn!(
            step_ms = (latest - now.as_micros()) / 1_000,
            "the clock was set back; what was due stays due"
        );
        let followed = follow(db, Timestamp::from_micros(latest), now).await;
        if followed.is_err() {
            // The next one tries again.
            self.0.fetch_max(latest, Ordering::Relaxed);
        }
        followed
    }
}

async fn follow(db: &Db, latest: Timestamp, now: Timestamp) -> Result<(), StoreError> {
    let step = latest.as_micros() - now.as_micros();
    let mut transaction = db.write().await?;
    transaction.execute(MAKE_DUE, args![now, latest]).await?;
    transaction.execute(MOVE_RETRIES, args![step, latest]).await?;
    transaction.execute(MOVE_FAILURES, args![step, now]).await?;
    transaction
        .execute(SHORTEN_LEASES, args![now.plus(LEASE)])
        .await?;
    transaction.commit().await
}
