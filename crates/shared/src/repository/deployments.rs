//! Storage of whole releases at once: bundles, and releases that are restored.

use std::sync::Arc;

use async_trait::async_trait;

use super::StoreError;
use crate::{
    change::Change,
    id::{AppId, ScriptId},
    modules::LinkFault,
    release::{Bundle, Changes, Release},
};

/// Writes whole releases. Each call takes effect entirely, or not at all.
#[async_trait]
pub trait DeploymentRepository: Send + Sync {
    /// Makes the scripts, routes and domains of an app what they were in release `number`, as a new release, also if
    /// nothing differs; `None` if app or release is missing. Scripts that were removed since come back under their ids.
    async fn restore_release(
        &self,
        app: AppId,
        number: u32,
        terms: DeployTerms,
        change: &Change,
    ) -> Result<Option<Deployed>, DeployError>;

    /// Makes the app what `bundle` says, as a new release; `None` if the app is missing. If nothing differs, there is
    /// no new release. The bundle must have no [faults](Bundle::faults).
    async fn deploy_bundle(
        &self,
        app: AppId,
        bundle: &Bundle,
        terms: DeployTerms,
        change: &Change,
    ) -> Result<Option<Deployed>, DeployError>;

    /// The source of a version that was live in some release of the app; also if its script was removed since, as long
    /// as it is kept.
    async fn find_released_source(
        &self,
        app: AppId,
        script: ScriptId,
        version: u32,
    ) -> Result<Option<Arc<str>>, StoreError>;
}

/// On what terms something is deployed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeployTerms {
    /// Only if this release is live.
    pub expected: Option<u32>,
    /// Only if no domain is claimed or given up.
    pub keep_domains: bool,
    /// Only tell what would change, or why it would be refused. Ids of what would be made mean nothing.
    pub dry_run: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Deployed {
    /// The release that is live now; `None` if there was none yet, and nothing changed.
    pub release: Option<Release>,
    /// Whether that release was made by this.
    pub is_new: bool,
    /// What changed, or would have.
    pub changes: Changes,
}

/// Why nothing was deployed.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// Another release is live than the one expected.
    #[error("release {live} is live, not the expected one")]
    ReleaseMismatch {
        /// The live release.
        live: u32,
    },
    /// Domains would be claimed or given up, and the terms do not allow that.
    #[error("domains would change")]
    DomainsKept,
    /// Something stands against it; everything that does.
    #[error("what the release holds cannot be put in place")]
    Conflicts(Vec<DeployConflict>),
    /// Scripts import what is not there, or each other in a circle.
    #[error("the app's imports would not be whole: {0}")]
    Imports(LinkFault),
    /// Routes name hosts that none of the domains covers.
    #[error("no domain covers the host of some routes")]
    HostsNotClaimed(Vec<String>),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What stands against a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeployConflict {
    /// Another app claims this pattern, or one of its shape.
    DomainTaken {
        /// The pattern.
        pattern: String,
    },
    /// The source is not kept any more: its script was removed, and too much was removed after it.
    SourceGone {
        /// The name of the script in that release.
        script: String,
        /// Its version.
        version: u32,
    },
}
