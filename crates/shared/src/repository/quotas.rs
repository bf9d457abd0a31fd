//! Storage of quotas.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    calls::{CallDay, Day},
    change::Change,
    id::AppId,
    quota::{AppUsage, Quotas},
};

/// Storage of quotas, and of what is kept.
#[async_trait]
pub trait QuotaRepository: Send + Sync {
    /// What an app keeps, as of one moment, and what it may keep; `None` if there is no such app.
    async fn app_usage(&self, app: AppId) -> Result<Option<(AppUsage, Quotas)>, StoreError>;

    /// What an app used of the services on each day from `since` on, the last day first; days without calls are not
    /// there.
    async fn app_calls(&self, app: AppId, since: Day) -> Result<Vec<CallDay>, StoreError>;

    /// Changes what an app may keep and do; gives what it is now. `None` if there is no such app.
    async fn update_quotas(
        &self,
        app: AppId,
        update: QuotaUpdate,
        change: &Change,
    ) -> Result<Option<Quotas>, StoreError>;
}

/// Quotas to set. What is `None` stays; what is `Some(None)` becomes the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct QuotaUpdate {
    /// Bytes of data.
    pub data_bytes_max: Option<Option<u64>>,
    /// Rows of data.
    pub data_rows_max: Option<Option<u64>>,
    /// Calls of services on a day.
    pub calls_per_day_max: Option<Option<u64>>,
}
