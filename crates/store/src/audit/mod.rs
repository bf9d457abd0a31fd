//! The audit log.
//!
//! Whatever writes something that people are to know of calls [`append`] as the last thing before its transaction
//! commits, so that a change and its record are there together or not at all; [`WithCommit`] does that for changes of the data
//! of scripts. `record` is one row and its hash;
//! `listed` one that nothing keeps from being listed; `list`, `verify` and `purge` are what is asked of all of them.

pub(crate) mod append;
pub(crate) mod list;
mod listed;
pub(crate) mod purge;
mod record;
pub(crate) mod verify;

use async_trait::async_trait;
use picloud_shared::{
    audit::{AuditFilter, AuditRetention, AuditVerdict, DataChange, Denial, ListedRecord},
    change::Change,
    id::AppId,
    page::{Page, PageRequest},
    repository::{AuditRepository, StoreError},
    time::Timestamp,
};

pub(crate) use self::append::{Entry, WithCommit, append};
use crate::{Store, authority::confirm};

#[async_trait]
impl AuditRepository for Store {
    async fn record_denial(&self, denial: &Denial, change: &Change) -> Result<(), StoreError> {
        append::record_denial(&self.db, denial, change).await
    }

    async fn confirm_data_change(&self, app: AppId, change: &Change) -> Result<(), StoreError> {
        let mut transaction = self.db.snapshot().await?;
        confirm(&mut transaction, change, Some(app)).await
    }

    async fn record_data_change(
        &self,
        app: AppId,
        done: &DataChange,
        change: &Change,
    ) -> Result<(), StoreError> {
        let mut transaction = self.db.write().await?;
        let entry = Entry::of_data(app, done);
        append(&mut transaction, change, entry).await?;
        transaction.commit().await
    }

    async fn list_audit(
        &self,
        filter: &AuditFilter,
        page: PageRequest,
    ) -> Result<Page<ListedRecord>, StoreError> {
        list::list(&self.db, filter, page).await
    }

    async fn verify_audit(&self) -> Result<AuditVerdict, StoreError> {
        verify::verify(&self.db).await
    }

    async fn purge_audit(&self, retention: AuditRetention, now: Timestamp) -> Result<u64, StoreError> {
        purge::purge(&self.db, retention, now).await
    }
}
