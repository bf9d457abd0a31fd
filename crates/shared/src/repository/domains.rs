//! Storage of domain claims.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    change::Change,
    domain::DomainClaim,
    id::{AppId, DomainId, RouteId},
    page::{Page, PageRequest},
};

/// Storage of domain claims.
#[async_trait]
pub trait DomainRepository: Send + Sync {
    /// Claims a domain.
    async fn add_domain(&self, claim: DomainClaim, change: &Change) -> Result<DomainClaim, AddDomainError>;

    /// Lists an app's claims, oldest first.
    async fn list_domains(&self, app: AppId, page: PageRequest) -> Result<Page<DomainClaim>, StoreError>;

    /// Gives a claim up; `false` if the app has no such claim.
    async fn remove_domain(
        &self,
        app: AppId,
        domain: DomainId,
        change: &Change,
    ) -> Result<bool, RemoveDomainError>;
}

/// Why a domain was not claimed.
#[derive(Debug, thiserror::Error)]
pub enum AddDomainError {
    /// A claim of the same shape exists, in this app or another.
    #[error("a claim of the same shape exists")]
    Taken {
        /// Whether it is this app's own.
        own: bool,
    },
    /// The app is gone.
    #[error("the app is gone")]
    NoApp,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a claim was not given up.
#[derive(Debug, thiserror::Error)]
pub enum RemoveDomainError {
    /// Routes name a host that only this claim covers.
    #[error("routes still name hosts under this claim")]
    InUse(Vec<RouteId>),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
