//! Storage of execution records: how they are written, and how they are read.

use std::collections::HashMap;

use async_trait::async_trait;

use super::StoreError;
use crate::{
    execution::{Execution, ExecutionFilter, Retention, RunBatch},
    id::{AppId, ExecutionId, ScriptId},
    page::{Page, PageRequest},
    run_stats::{Activity, RunStats, Slots},
    time::Timestamp,
};

/// What keeps account of runs. Whoever serves requests asks no more of it.
#[async_trait]
pub trait RunLog: Send + Sync {
    /// Writes a batch of records and counts in one transaction. Those of apps that are gone are left out. A run that
    /// has a record counts in the minute in which it ended; one that has none, in that of `now`.
    async fn record_executions(&self, batch: RunBatch<'_>, now: Timestamp) -> Result<(), StoreError>;

    /// Deletes what is beyond the bounds, the oldest first; tells how many records went.
    async fn purge_executions(&self, retention: Retention, now: Timestamp) -> Result<u64, StoreError>;

    /// Up to when nothing that is there is too old; none if nothing is there.
    async fn executions_kept_until(&self, retention: Retention) -> Result<Option<Timestamp>, StoreError>;
}

/// What is told of runs that are over.
#[async_trait]
pub trait ExecutionRepository: Send + Sync {
    /// Lists an app's records, newest first.
    async fn list_executions(
        &self,
        app: AppId,
        filter: &ExecutionFilter,
        page: PageRequest,
    ) -> Result<Page<Execution>, StoreError>;

    /// Lists an app's records of runs that ended at or after `since`, at most `limit`, those first that began last.
    /// `since` and `until` of the filter do not count.
    async fn executions_ended_since(
        &self,
        app: AppId,
        filter: &ExecutionFilter,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<Execution>, StoreError>;

    /// Finds one record.
    async fn find_execution(&self, execution: ExecutionId) -> Result<Option<Execution>, StoreError>;

    /// What an app's runs were like, or those of one of its scripts, in each slot. A run is part of the minute in which
    /// it ended.
    async fn run_stats(
        &self,
        app: AppId,
        script: Option<ScriptId>,
        slots: Slots,
    ) -> Result<Vec<RunStats>, StoreError>;

    /// What these apps did since the minute that `since` lies in. Each that is there has its entry.
    async fn activity(
        &self,
        apps: &[AppId],
        since: Timestamp,
    ) -> Result<HashMap<AppId, Activity>, StoreError>;

    /// How many runs of an app were counted since `since` without a record of their own.
    async fn count_unrecorded(&self, app: AppId, since: Timestamp) -> Result<u64, StoreError>;
}
