//! Removes what has expired. It is invisible already: this only gives back its space.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use picloud_shared::{
    repository::StoreError,
    time::{Clock, Timestamp},
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::{Store, db::Db, postgres, statements::statements, value::args};

/// Rows that are removed in one transaction.
const BATCH_ROWS: usize = 500;
/// Between two sweeps there is at least so much time.
const PAUSE: Duration = Duration::from_mins(1);
/// After a failure the next try waits so long.
const RETRY: Duration = Duration::from_mins(5);
/// A timer never waits longer: the clock may be set meanwhile.
const SLEEP_MAX: Duration = Duration::from_hours(24);

statements! {
    NEXT_EXPIRY = "SELECT MIN(expires_at) AS moment FROM kv WHERE expires_at IS NOT NULL";
    DELETE_EXPIRED = "DELETE FROM kv WHERE (app_id, key) IN \
        (SELECT app_id, key FROM kv WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
}

/// Wakes the sweeper when something expires sooner than all it knows of.
#[derive(Debug)]
pub(crate) struct Sweep {
    next: AtomicI64,
    sooner: Notify,
}

impl Default for Sweep {
    fn default() -> Self {
        Self {
            next: AtomicI64::new(i64::MAX),
            sooner: Notify::new(),
        }
    }
}

impl Sweep {
    /// Something was written that expires at `moment`.
    pub(crate) fn expires(&self, moment: i64) {
        if self.next.fetch_min(moment, Ordering::Relaxed) > moment {
            self.sooner.notify_one();
        }
    }

    /// Sweeps whenever something has expired, until the runtime ends. Waits without a timer while nothing will.
    pub(crate) async fn run(self: Arc<Self>, store: Arc<Store>, clock: Arc<dyn Clock>) {
        let mut not_before = Instant::now();
        loop {
            self.next.store(i64::MAX, Ordering::Relaxed);
            let wait = match next_expiry(&store.db).await {
                Ok(None) => None,
                Ok(Some(moment)) => {
                    self.next.fetch_min(moment, Ordering::Relaxed);
                    let micros = moment.saturating_sub(clock.now().as_micros());
                    Some(Duration::from_micros(u64::try_from(micros).unwrap_or(0)).min(SLEEP_MAX))
                }
                Err(error) => {
                    tracing::warn!(%error, "what has expired is not removed");
                    not_before = Instant::now() + RETRY;
                    Some(RETRY)
                }
            };
            let Some(wait) = wait else {
                self.sooner.notified().await;
                continue;
            };
            tokio::select! {
                () = self.sooner.notified() => continue,
                () = sleep_until((Instant::now() + wait).max(not_before)) => {}
            }
            match delete_expired(&store.db, clock.now()).await {
                Ok(_) => not_before = Instant::now() + PAUSE,
                Err(error) => {
                    tracing::warn!(%error, "what has expired is not removed");
                    not_before = Instant::now() + RETRY;
                }
            }
        }
    }
}

async fn next_expiry(db: &Db) -> Result<Option<i64>, StoreError> {
    let (moment,): (Option<i64>,) = db.fetch_one(NEXT_EXPIRY, args![]).await?;
    Ok(moment)
}

/// Removes all that has expired by `now`; tells how much that was.
pub(crate) async fn delete_expired(db: &Db, now: Timestamp) -> Result<u64, StoreError> {
    let mut deleted = 0;
    loop {
        let mut transaction = db.write().await?;
        let batch = match db {
            Db::Sqlite(_) => {
                let bounds = args![now, BATCH_ROWS];
                transaction.execute(DELETE_EXPIRED, bounds).await?
            }
            Db::Postgres(_) => postgres::kv::sweep(&mut transaction, now, BATCH_ROWS).await?,
        };
        transaction.commit().await?;
        deleted += batch;
        if batch == 0 {
            return Ok(deleted);
        }
    }
}
