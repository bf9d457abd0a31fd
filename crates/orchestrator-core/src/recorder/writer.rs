//! Writes what has gathered.

use std::{sync::Arc, time::Duration};

use picloud_shared::{
    execution::{Execution, RunBatch},
    repository::StoreError,
    time::Timestamp,
};
use tokio::time::{Instant, sleep, sleep_until};

use super::{RecorderConfig, Shared};
use crate::keeping::Keeping;

/// Records in one transaction.
const RECORDS_PER_WRITE_MAX: usize = 1_000;
/// The first pause after storage failed; each further one is twice as long.
const RETRY_MIN: Duration = Duration::from_millis(100);
/// The longest pause between two tries.
const RETRY_MAX: Duration = Duration::from_secs(5);
/// After this many new records, old ones are deleted, but no more often than [`PURGE_INTERVAL_MIN`].
const PURGE_AFTER_RECORDS: usize = 1_000;
/// The least time from one deletion to the next.
const PURGE_INTERVAL_MIN: Duration = Duration::from_mins(1);
/// While records come in, old ones are deleted at least this often.
const PURGE_INTERVAL_MAX: Duration = Duration::from_mins(10);
/// The least time between two warnings about dropped records.
const WARN_INTERVAL: Duration = Duration::from_mins(1);

/// The one task that writes records.
pub(super) struct Writer {
    config: RecorderConfig,
    shared: Arc<Shared>,
    /// Not before this moment is the next write due.
    due: Instant,
    keeping: Keeping,
    written_since_purge: usize,
    warned: Option<(Instant, u64)>,
}

impl Writer {
    pub(super) fn new(config: RecorderConfig, shared: Arc<Shared>) -> Self {
        Self {
            config,
            shared,
            due: Instant::now(),
            keeping: Keeping::new(),
            written_since_purge: 0,
            warned: None,
        }
    }

    /// Runs until the runtime ends. While there is nothing to do, it waits for the moment at which a record is too old, and
    /// without a timer if there is none.
    pub(super) async fn run(mut self) {
        self.purge().await;
        loop {
            let shared = Arc::clone(&self.shared);
            tokio::select! {
                () = shared.hurry.notified() => {}
                () = shared.pending.notified() => {
                    let gathered = Instant::now() + self.config.gather;
                    tokio::select! {
                        () = shared.hurry.notified() => {}
                        () = sleep_until(gathered.max(self.due)) => {}
                    }
                }
                () = self.keeping.wait(self.config.clock.now()) => {}
            }
            // Who asks from here on may have recorded something that is not taken any more.
            let flushes = self.shared.take_flushes();
            let has_written = self.write_all().await;
            for flush in flushes {
                // Whoever asked may have given up.
                let _ = flush.send(());
            }
            self.warn_of_dropped();
            self.purge_if_due(has_written).await;
        }
    }

    /// Tells whether there was anything.
    async fn write_all(&mut self) -> bool {
        let runs = self.shared.queue.take();
        let (unrecorded, used) = self.shared.take_counts();
        let only_counted = RunBatch {
            records: &[],
            committed: &runs.committed,
            unrecorded: &unrecorded,
            used: &used,
        };
        if runs.records.is_empty() && only_counted.is_empty() {
            return false;
        }
        // Those that are only counted go with the first records.
        let mut rest = only_counted;
        if runs.records.is_empty() {
            self.write(rest).await;
        }
        for records in runs.records.chunks(RECORDS_PER_WRITE_MAX) {
            self.write(RunBatch { records, ..rest }).await;
            rest = RunBatch::default();
        }
        self.written_since_purge += runs.records.len() + runs.committed.len();
        self.keeping
            .keep(self.config.clock.now().plus(self.config.retention.age_max()));
        self.due = Instant::now() + self.config.write_interval;
        true
    }

    /// Writes until it succeeds or cannot succeed. New records gather meanwhile, within their bounds.
    async fn write(&self, batch: RunBatch<'_>) {
        let mut pause = RETRY_MIN;
        let records = batch.records.len();
        let only_counted = RunBatch {
            records: &[],
            ..batch
        };
        let has_others = records > 1 || (records == 1 && !only_counted.is_empty());
        loop {
            let now = self.config.clock.now();
            match self.config.repository.record_executions(batch, now).await {
                Ok(()) => {
                    let committed = batch.committed.iter().map(|run| &run.record);
                    self.shared.feed.publish(batch.records.iter().chain(committed));
                    return;
                }
                Err(
                    error @ (StoreError::Unavailable(_) | StoreError::Contended(_) | StoreError::Full(_)),
                ) => {
                    tracing::warn!(%error, records, "execution records wait for storage");
                    sleep(pause).await;
                    pause = (pause * 2).min(RETRY_MAX);
                }
                Err(error) if has_others => {
                    tracing::error!(%error, records, "writing execution records one by one");
                    Box::pin(self.write_one_by_one(batch.records, only_counted)).await;
                    return;
                }
                Err(error) => {
                    tracing::error!(%error, "an execution record cannot be written");
                    self.shared.queue.add_dropped(records as u64);
                    return;
                }
            }
        }
    }

    /// So that one record that storage refuses does not take the others with it.
    async fn write_one_by_one(&self, records: &[Execution], only_counted: RunBatch<'_>) {
        if !only_counted.is_empty() {
            self.write(only_counted).await;
        }
        for record in records {
            self.write(RunBatch::of_records(std::slice::from_ref(record)))
                .await;
        }
    }

    async fn purge_if_due(&mut self, has_written: bool) {
        let since = self.keeping.since_purge();
        let many = self.written_since_purge >= PURGE_AFTER_RECORDS && since >= PURGE_INTERVAL_MIN;
        let some = has_written && since >= PURGE_INTERVAL_MAX;
        if many || some || self.keeping.is_due(self.config.clock.now()) {
            self.purge().await;
        }
    }

    async fn purge(&mut self) {
        self.keeping.purge();
        self.written_since_purge = 0;
        let now = self.config.clock.now();
        match self.try_purge(now).await {
            Ok(Some(kept_until)) => self.keeping.keep(kept_until),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "old execution records are not deleted");
                self.keeping.keep(now);
            }
        }
    }

    /// Deletes what is too old, or too much; tells up to when the rest may be kept.
    async fn try_purge(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let (repository, retention) = (&self.config.repository, self.config.retention);
        let records = repository.purge_executions(retention, now).await?;
        if records > 0 {
            tracing::info!(records, "old execution records are deleted");
        }
        repository.executions_kept_until(retention).await
    }

    fn warn_of_dropped(&mut self) {
        let dropped = self.shared.queue.dropped();
        let (warned_at, before) = self.warned.map_or((None, 0), |(at, before)| (Some(at), before));
        if dropped > before && warned_at.is_none_or(|at| at.elapsed() >= WARN_INTERVAL) {
            tracing::warn!(records = dropped - before, "execution records were dropped");
            self.warned = Some((Instant::now(), dropped));
        }
    }
}
