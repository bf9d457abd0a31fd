//! Releases: every change of an app is one numbered release of the whole app.

mod bundle;
mod changes;
mod manifest;

use std::sync::Arc;

use crate::{
    bindings::{ScheduledScript, Subscription},
    domain::DomainClaim,
    id::{AppId, UserId},
    route::Route,
    script::LiveScript,
    time::Timestamp,
};

pub use self::{
    bundle::{
        BUNDLE_DOMAINS_MAX, BUNDLE_ROUTES_MAX, BUNDLE_SCRIPTS_MAX, BUNDLE_SOURCE_BYTES_MAX, Bundle,
        BundleBinding, BundleDestination, BundleFault, BundleRoute, BundleScript,
    },
    changes::{Changed, Changes},
    manifest::{Manifest, ManifestBinding, ManifestConfig, ManifestDomain, ManifestRoute, ManifestScript},
};

/// One release of an app, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Of which app.
    pub app_id: AppId,
    /// Counts up from 1 within the app.
    pub number: u32,
    /// Who made it.
    pub author: Option<UserId>,
    /// Their name.
    pub author_name: Option<String>,
    /// Why.
    pub note: Option<String>,
    /// What was done, in a few words, such as `script hello: version 3`.
    pub summary: String,
    /// When.
    pub created_at: Timestamp,
}

/// The live state of one app: what a node needs to answer its requests.
#[derive(Clone, Debug)]
pub struct LiveRelease {
    /// Which app.
    pub app_id: AppId,
    /// Its slug, for people.
    pub slug: String,
    /// The number of the release.
    pub number: u32,
    /// Its domains.
    pub domains: Vec<DomainClaim>,
    /// Its routes.
    pub routes: Vec<Route>,
    /// Its scripts.
    pub scripts: Vec<Arc<LiveScript>>,
    /// Which of them run for which events.
    pub subscriptions: Vec<Subscription>,
    /// Which of them run when.
    pub schedules: Vec<ScheduledScript>,
}
