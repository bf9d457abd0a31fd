//! Records and counts of runs: written in batches, read newest first or in slots of time, deleted when they are beyond
//! the bounds.

pub(crate) mod counts;
pub(crate) mod list;
pub(crate) mod purge;
pub(crate) mod record;
pub(crate) mod stats;

use std::collections::HashMap;

use async_trait::async_trait;
use picloud_shared::{
    calls::Day,
    execution::{Execution, ExecutionFilter, Retention, RunBatch},
    id::{AppId, ExecutionId, ScriptId},
    page::{Page, PageRequest},
    repository::{ExecutionRepository, RunLog, StoreError},
    run_stats::{Activity, RunStats, Slots},
    time::Timestamp,
};

use crate::Store;

#[async_trait]
impl RunLog for Store {
    async fn record_executions(&self, batch: RunBatch<'_>, now: Timestamp) -> Result<(), StoreError> {
        // Who uses no services waits for nobody who changes a quota.
        let _noting = match batch.used {
            [] => None,
            _ => Some(self.full_apps.begin_to_note().await),
        };
        for (app, why) in record::record(&self.db, batch, now).await? {
            self.full_apps.note(app, Some(why), Day::of(now));
        }
        Ok(())
    }

    async fn purge_executions(&self, retention: Retention, now: Timestamp) -> Result<u64, StoreError> {
        purge::purge(&self.db, retention, now).await
    }

    async fn executions_kept_until(&self, retention: Retention) -> Result<Option<Timestamp>, StoreError> {
        purge::kept_until(&self.db, retention).await
    }
}

#[async_trait]
impl ExecutionRepository for Store {
    async fn list_executions(
        &self,
        app: AppId,
        filter: &ExecutionFilter,
        page: PageRequest,
    ) -> Result<Page<Execution>, StoreError> {
        list::list(&self.db, app, filter, page).await
    }

    async fn executions_ended_since(
        &self,
        app: AppId,
        filter: &ExecutionFilter,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<Execution>, StoreError> {
        list::ended_since(&self.db, app, filter, since, limit).await
    }

    async fn find_execution(&self, execution: ExecutionId) -> Result<Option<Execution>, StoreError> {
        list::find(&self.db, execution).await
    }

    async fn run_stats(
        &self,
        app: AppId,
        script: Option<ScriptId>,
        slots: Slots,
    ) -> Result<Vec<RunStats>, StoreError> {
        stats::run_stats(&self.db, app, script, slots).await
    }

    async fn activity(
        &self,
        apps: &[AppId],
        since: Timestamp,
    ) -> Result<HashMap<AppId, Activity>, StoreError> {
        stats::activity(&self.db, apps, since).await
    }

    async fn count_unrecorded(&self, app: AppId, since: Timestamp) -> Result<u64, StoreError> {
        counts::count_unrecorded(&self.db, app, since).await
    }
}
