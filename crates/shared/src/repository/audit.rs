//! Storage of the audit log.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    audit::{AuditFilter, AuditRetention, AuditVerdict, DataChange, Denial, ListedRecord},
    change::Change,
    id::AppId,
    page::{Page, PageRequest},
    time::Timestamp,
};

/// Storage of the audit log. What is done leaves its record in the transaction that does it: only what is refused, and what
/// changes the data of scripts without a commit of its own, is recorded from outside.
#[async_trait]
pub trait AuditRepository: Send + Sync {
    /// Records that somebody was refused something.
    async fn record_denial(&self, denial: &Denial, change: &Change) -> Result<(), StoreError>;

    /// Refuses a change of an app's data that its author may not make any more. What scripts keep is written through
    /// [`services`](crate::services), in transactions of its own, so this is asked right before.
    async fn confirm_data_change(&self, app: AppId, change: &Change) -> Result<(), StoreError>;

    /// Records such a change where no commit does that; see [`Commit`](crate::services::Commit).
    async fn record_data_change(
        &self,
        app: AppId,
        done: &DataChange,
        change: &Change,
    ) -> Result<(), StoreError>;

    /// Lists records of both chains, newest first. One that cannot be read is listed as that.
    async fn list_audit(
        &self,
        filter: &AuditFilter,
        page: PageRequest,
    ) -> Result<Page<ListedRecord>, StoreError>;

    /// Computes every hash again, at one moment of both chains.
    async fn verify_audit(&self) -> Result<AuditVerdict, StoreError>;

    /// Cuts off what is beyond the bounds, the oldest first; tells how many records went. Each cut leaves a record of
    /// itself.
    async fn purge_audit(&self, retention: AuditRetention, now: Timestamp) -> Result<u64, StoreError>;
}
