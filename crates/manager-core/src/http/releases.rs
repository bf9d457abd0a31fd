//! `/api/v1/admin/apps/{app}/releases`: every change of an app is one.

use axum::{Json, extract::State};
use picloud_shared::{
    release::{Manifest, Release},
    time::Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    access::Caller,
    extract::{AppPath, InPath, QueryParams, ReleaseNumber},
    list::{List, ListQuery},
    problem::{Answer, not_found, problems},
    scripts::LimitsBody,
};
use crate::Manager;

/// One release of an app.
#[derive(Serialize, ToSchema)]
#[schema(as = Release)]
pub(crate) struct ReleaseBody {
    /// Counts up from 1 within the app.
    number: u32,
    /// The username of who made it; null for what the first start made.
    #[schema(required)]
    author: Option<String>,
    /// Why.
    #[schema(required)]
    note: Option<String>,
    /// What was done, in a few words.
    #[schema(example = "script hello: version 3")]
    summary: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// The scripts, routes and domains of the app at that time; left out in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<ManifestBody>,
}

/// All that a release holds.
#[derive(Serialize, ToSchema)]
#[schema(as = ReleaseManifest)]
struct ManifestBody {
    scripts: Vec<ReleasedScript>,
    routes: Vec<ReleasedRoute>,
    domains: Vec<ReleasedDomain>,
}

/// A script as it was in a release. Its source is that of the version.
#[derive(Serialize, ToSchema)]
struct ReleasedScript {
    id: Uuid,
    name: String,
    description: String,
    version: u32,
    limits: LimitsBody,
}

/// A route as it was in a release.
#[derive(Serialize, ToSchema)]
struct ReleasedRoute {
    id: Uuid,
    script_id: Uuid,
    #[schema(required)]
    host: Option<String>,
    path: String,
    methods: Vec<String>,
}

/// A domain as it was in a release.
#[derive(Serialize, ToSchema)]
struct ReleasedDomain {
    id: Uuid,
    pattern: String,
}

impl From<Release> for ReleaseBody {
    fn from(release: Release) -> Self {
        Self {
            number: release.number,
            author: release.author_name,
            note: release.note,
            summary: release.summary,
            created_at: release.created_at,
            manifest: None,
        }
    }
}

impl From<Manifest> for ManifestBody {
    fn from(manifest: Manifest) -> Self {
        let scripts = manifest.scripts.into_iter().map(|script| ReleasedScript {
            id: script.id.0,
            name: script.name,
            description: script.description,
            version: script.version,
            limits: script.limits.into(),
        });
        let routes = manifest.routes.into_iter().map(|route| ReleasedRoute {
            id: route.id.0,
            script_id: route.script_id.0,
            host: route.host,
            path: route.path,
            methods: route.methods.split(", ").map(str::to_owned).collect(),
        });
        let domains = manifest.domains.into_iter().map(|domain| ReleasedDomain {
            id: domain.id.0,
            pattern: domain.pattern,
        });
        Self {
            scripts: scripts.collect(),
            routes: routes.collect(),
            domains: domains.collect(),
        }
    }
}

problems!(ListReleasesProblems: NotFound);

/// List an app's releases
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/releases",
    tag = "releases",
    params(ListQuery),
    responses((status = 200, description = "A page of releases", body = List<ReleaseBody>), ListReleasesProblems),
)]
pub(crate) async fn list_releases(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
    QueryParams(query): QueryParams<ListQuery>,
) -> Answer<Json<List<ReleaseBody>>> {
    let (limit, before) = query.numbered()?;
    let releases = manager
        .repository()
        .list_releases(app.id, limit + 1, before)
        .await?;
    Ok(Json(List::of_numbered(
        releases,
        limit,
        |release| release.number,
        ReleaseBody::from,
    )))
}

problems!(GetReleaseProblems: NotFound);

/// Get a release
///
/// With the scripts, routes and domains that the app had then.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/releases/{release}",
    tag = "releases",
    responses((status = 200, description = "The release", body = ReleaseBody), GetReleaseProblems),
)]
pub(crate) async fn get_release(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
    InPath(ReleaseNumber(number)): InPath<ReleaseNumber>,
) -> Answer<Json<ReleaseBody>> {
    let found = manager.repository().find_release(app.id, number).await?;
    let (release, manifest) = found.ok_or_else(|| not_found("release"))?;
    Ok(Json(ReleaseBody {
        manifest: Some(manifest.into()),
        ..release.into()
    }))
}
