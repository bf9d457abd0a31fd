//! Releases: every change of an app is one numbered release of the whole app.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    domain::DomainClaim,
    id::{AppId, DomainId, RouteId, ScriptId, UserId},
    limits::Limits,
    route::Route,
    script::LiveScript,
    time::Timestamp,
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

/// All that a release holds, in full: enough to put the app back as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The scripts, by id.
    pub scripts: Vec<ManifestScript>,
    /// The routes, by id.
    pub routes: Vec<ManifestRoute>,
    /// The domains, by id.
    pub domains: Vec<ManifestDomain>,
}

/// A script in a [`Manifest`]. Its source is that of the version, which never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestScript {
    /// Which.
    pub id: ScriptId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The live version.
    pub version: u32,
    /// What one run may use.
    pub limits: Limits,
}

/// A route in a [`Manifest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestRoute {
    /// Which.
    pub id: RouteId,
    /// Its script.
    pub script_id: ScriptId,
    /// Its hosts.
    pub host: Option<String>,
    /// Its paths.
    pub path: String,
    /// Its methods, such as `GET, POST`.
    pub methods: String,
}

/// A domain in a [`Manifest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestDomain {
    /// Which.
    pub id: DomainId,
    /// Its pattern.
    pub pattern: String,
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
}
