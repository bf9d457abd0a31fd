//! Manifests: what a release holds.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    bindings::{BindingSpec, ScheduleSpec, SubscriptionSpec},
    id::{DomainId, RouteId, ScriptId},
    limits::Limits,
    script::ContentHash,
    webhook::Webhook,
};

/// All that a release holds, in full: enough to put the app back as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The scripts, by id.
    pub scripts: Vec<ManifestScript>,
    /// The routes, by id.
    pub routes: Vec<ManifestRoute>,
    /// The domains, by id.
    pub domains: Vec<ManifestDomain>,
    /// The configuration, by name; none in manifests that were written before there was any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub config: Vec<ManifestConfig>,
    /// The subscriptions, by name; none in manifests that were written before there were any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subscriptions: Vec<ManifestBinding<SubscriptionSpec>>,
    /// The schedules, by name; the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<ManifestBinding<ScheduleSpec>>,
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
    /// Names its source; absent in manifests that were written before it was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<ContentHash>,
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
    /// How its requests are signed; none in manifests that were written before they could be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
}

/// A domain in a [`Manifest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestDomain {
    /// Which.
    pub id: DomainId,
    /// Its pattern.
    pub pattern: String,
}

/// A value of the configuration in a [`Manifest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestConfig {
    /// Its name.
    pub name: String,
    /// Any JSON.
    pub value: Value,
}

/// A subscription or a schedule in a [`Manifest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestBinding<S> {
    /// Which.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its script.
    pub script_id: ScriptId,
    /// Whether it starts nothing.
    #[serde(default)]
    pub is_paused: bool,
    /// What starts the script.
    pub spec: S,
}

impl ManifestScript {
    /// The names of the fields in which `other` differs. A version without a noted hash has the source of the same
    /// version elsewhere, and is taken to have another one than every other version.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let same_version = self.version == other.version;
        let same_source = match (self.content_hash, other.content_hash) {
            (Some(own), Some(other)) => own == other,
            _ => same_version,
        };
        differing([
            ("name", self.name == other.name),
            ("description", self.description == other.description),
            ("version", same_version),
            ("source", same_source),
            ("limits", self.limits == other.limits),
        ])
    }
}

impl ManifestRoute {
    /// The names of the fields in which `other` differs.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        differing([
            ("script", self.script_id == other.script_id),
            ("host", self.host == other.host),
            ("path", self.path == other.path),
            ("methods", self.methods == other.methods),
            ("webhook", self.webhook == other.webhook),
        ])
    }
}

impl ManifestDomain {
    /// The names of the fields in which `other` differs.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        differing([("pattern", self.pattern == other.pattern)])
    }
}

impl ManifestConfig {
    /// The names of the fields in which `other` differs.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        differing([("value", self.value == other.value)])
    }
}

impl<S: BindingSpec> ManifestBinding<S> {
    /// The names of the fields in which `other` differs.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let mut fields = differing([
            ("name", self.name == other.name),
            ("script", self.script_id == other.script_id),
            ("is_paused", self.is_paused == other.is_paused),
        ]);
        fields.extend(self.spec.differences(&other.spec));
        fields
    }
}

fn differing<const N: usize>(fields: [(&'static str, bool); N]) -> Vec<&'static str> {
    fields
        .into_iter()
        .filter(|(_, same)| !same)
        .map(|(name, _)| name)
        .collect()
}
