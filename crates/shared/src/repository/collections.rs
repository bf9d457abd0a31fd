//! Storage of collections of documents.

use async_trait::async_trait;
use uuid::Uuid;

use super::StoreError;
use crate::{
    change::Change,
    id::AppId,
    page::{Page, PageRequest},
    quota::QuotaExceeded,
    services::docs::{CollectionName, Definition},
    time::Timestamp,
};

/// A collection of an app, as people see it.
#[derive(Clone, Debug, PartialEq)]
pub struct AppCollection {
    /// Names it; one that was deleted and made again has another.
    pub id: Uuid,
    /// Its name within the app.
    pub name: String,
    /// Names this form of its definition; every other has another.
    pub version: i64,
    /// What it is declared to be.
    pub definition: Definition,
    /// When it came into being.
    pub created_at: Timestamp,
    /// When it was last declared.
    pub updated_at: Timestamp,
}

/// Why a collection was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateCollectionError {
    /// There is one of this name.
    #[error("the app has a collection of this name")]
    Taken,
    /// The app has as many as it may have.
    #[error(transparent)]
    TooMany(QuotaExceeded),
    /// The app is gone.
    #[error("no such app")]
    NoApp,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Storage of collections.
#[async_trait]
pub trait CollectionRepository: Send + Sync {
    /// The collections of an app, oldest first.
    async fn list_collections(
        &self,
        app: AppId,
        page: PageRequest,
    ) -> Result<Page<AppCollection>, StoreError>;

    /// One of them.
    async fn find_collection(&self, app: AppId, name: &str) -> Result<Option<AppCollection>, StoreError>;

    /// Makes a collection without documents.
    async fn create_collection(
        &self,
        app: AppId,
        name: &CollectionName,
        definition: Definition,
        change: &Change,
    ) -> Result<AppCollection, CreateCollectionError>;

    /// Gives a collection another definition, unless it is no longer as `before` says: then it gives none. Without `told`,
    /// the audit log knows of it already.
    async fn change_collection(
        &self,
        app: AppId,
        before: &AppCollection,
        definition: Definition,
        told: Option<&Change>,
        now: Timestamp,
    ) -> Result<Option<AppCollection>, StoreError>;

    /// The collections of all apps in which something is still to be done.
    async fn unfinished_collections(&self) -> Result<Vec<(AppId, AppCollection)>, StoreError>;

    /// Removes some of what is left of an index that is no more; tells how many entries that was.
    async fn sweep_index(&self, collection: Uuid, index: i32) -> Result<u64, StoreError>;

    /// Deletes a collection with its documents; tells whether it was there.
    async fn delete_collection(&self, app: AppId, name: &str, change: &Change) -> Result<bool, StoreError>;
}
