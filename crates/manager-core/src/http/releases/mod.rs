//! `/api/v1/admin/apps/{app}/releases`: every change of an app is one.
//!
//! Reading order: the files of the operations, then `changes` (how a difference is told) and `deployed` (what comes of
//! those that write).

mod bundle;
mod changes;
pub(crate) mod compare;
pub(crate) mod create;
mod deployed;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod restore;

use std::collections::BTreeMap;

use picloud_shared::{
    bindings::BindingSpec,
    release::{Manifest, ManifestBinding, Release},
    time::Timestamp,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{routes::webhook::WebhookBody, scripts::LimitsBody};

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
    /// The scripts, routes, domains, configuration, subscriptions and schedules of the app at that time; only where one release is got.
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
    /// Its configuration, by name.
    #[schema(value_type = BTreeMap<String, Value>, example = json!({ "GREETING": "Hello" }))]
    config: BTreeMap<String, Value>,
    /// Its subscriptions.
    subscriptions: Vec<ReleasedBinding>,
    /// Its schedules.
    schedules: Vec<ReleasedBinding>,
}

/// A script as it was in a release. Its source is that of the version.
#[derive(Serialize, ToSchema)]
struct ReleasedScript {
    id: Uuid,
    name: String,
    description: String,
    version: u32,
    /// SHA-256 of the source, in hexadecimal; null in releases that were made before it was noted.
    #[schema(required)]
    content_hash: Option<String>,
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
    /// How its requests are signed.
    #[schema(required)]
    webhook: Option<WebhookBody>,
}

/// A domain as it was in a release.
#[derive(Serialize, ToSchema)]
struct ReleasedDomain {
    id: Uuid,
    pattern: String,
}

/// A subscription or a schedule as it was in a release.
#[derive(Serialize, ToSchema)]
struct ReleasedBinding {
    id: Uuid,
    name: String,
    script_id: Uuid,
    is_paused: bool,
    /// What starts the script, and what becomes of failures.
    #[schema(required, value_type = Value)]
    spec: Value,
}

impl<S: BindingSpec> From<ManifestBinding<S>> for ReleasedBinding {
    fn from(binding: ManifestBinding<S>) -> Self {
        Self {
            id: binding.id,
            name: binding.name,
            script_id: binding.script_id.0,
            is_paused: binding.is_paused,
            spec: serde_json::to_value(binding.spec).unwrap_or_default(),
        }
    }
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
            content_hash: script.content_hash.map(|hash| hash.to_string()),
            limits: script.limits.into(),
        });
        let routes = manifest.routes.into_iter().map(|route| ReleasedRoute {
            id: route.id.0,
            script_id: route.script_id.0,
            methods: methods(&route.methods),
            host: route.host,
            path: route.path,
            webhook: route.webhook.map(WebhookBody::from),
        });
        let domains = manifest.domains.into_iter().map(|domain| ReleasedDomain {
            id: domain.id.0,
            pattern: domain.pattern,
        });
        let config = manifest
            .config
            .into_iter()
            .map(|config| (config.name, config.value));
        Self {
            scripts: scripts.collect(),
            routes: routes.collect(),
            domains: domains.collect(),
            config: config.collect(),
            subscriptions: manifest.subscriptions.into_iter().map(Into::into).collect(),
            schedules: manifest.schedules.into_iter().map(Into::into).collect(),
        }
    }
}

/// The methods of a route in a manifest, one by one.
fn methods(joined: &str) -> Vec<String> {
    joined.split(", ").map(str::to_owned).collect()
}
