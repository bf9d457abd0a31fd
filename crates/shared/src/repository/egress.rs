//! Storage of what scripts of each app may do outside of the server.

use async_trait::async_trait;

use super::StoreError;
use crate::{change::Change, egress::AllowList, id::AppId, time::Timestamp};

/// Storage of what scripts of each app may do outside of the server.
#[async_trait]
pub trait EgressRepository: Send + Sync {
    /// What is set for an app, if anything is.
    async fn find_egress(&self, app: AppId) -> Result<Option<EgressSettings>, StoreError>;

    /// What is set for all apps.
    async fn list_egress(&self) -> Result<Vec<(AppId, EgressSettings)>, StoreError>;

    /// Sets where scripts of an app may connect to; `None` if there is no such app. An entry that lets them reach what is
    /// not public, and was not there before, takes the capability
    /// [`EgressOpen`](crate::access::Capability::EgressOpen).
    async fn put_egress(
        &self,
        app: AppId,
        allow: Option<AllowList>,
        change: &Change,
    ) -> Result<Option<EgressSettings>, StoreError>;
}

/// What is set for an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressSettings {
    /// Where its scripts may connect to; every public address if none.
    pub allow: Option<AllowList>,
    /// When it was set.
    pub updated_at: Timestamp,
}
