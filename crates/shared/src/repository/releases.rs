//! Storage of releases.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    id::AppId,
    release::{LiveRelease, Manifest, Release},
};

/// Storage of releases. They are written by the changes that make them.
#[async_trait]
pub trait ReleaseRepository: Send + Sync {
    /// Lists an app's releases, newest first; `before` leaves out that number and all newer ones.
    async fn list_releases(
        &self,
        app: AppId,
        limit: u32,
        before: Option<u32>,
    ) -> Result<Vec<Release>, StoreError>;

    /// Finds one release with all it holds.
    async fn find_release(&self, app: AppId, number: u32) -> Result<Option<(Release, Manifest)>, StoreError>;

    /// The live state of one app, read in one transaction; `None` if it is gone.
    async fn live_release(&self, app: AppId) -> Result<Option<LiveRelease>, StoreError>;

    /// The live state of every app.
    async fn live_releases(&self) -> Result<Vec<LiveRelease>, StoreError>;
}
