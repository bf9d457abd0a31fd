//! Storage of collections of documents.

use async_trait::async_trait;
use uuid::Uuid;

use super::StoreError;
use crate::{
    change::Change,
    id::AppId,
    page::{Page, PageRequest},
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

    /// Deletes a collection with its documents; tells whether it was there.
    async fn delete_collection(&self, app: AppId, name: &str, change: &Change) -> Result<bool, StoreError>;
}
