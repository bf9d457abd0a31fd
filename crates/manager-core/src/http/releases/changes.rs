//! How the difference of two releases is told.

use picloud_shared::{
    bindings::BindingSpec,
    id::ScriptId,
    release::{
        Changed, Changes, ManifestBinding, ManifestConfig, ManifestDomain, ManifestRoute, ManifestScript,
    },
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::methods;
use crate::http::{routes::webhook::WebhookBody, scripts::LimitsBody};

/// What differs between two releases of an app. A thing is the same in both if its id is, whatever it is called.
#[derive(Serialize, ToSchema)]
#[schema(as = ReleaseChanges)]
pub(super) struct ChangesBody {
    /// In a few words; empty if nothing differs.
    #[schema(example = "1 script changed, 2 routes added")]
    summary: String,
    /// By name.
    scripts: Vec<ScriptChange>,
    /// By path.
    routes: Vec<RouteChange>,
    /// By pattern.
    domains: Vec<DomainChange>,
    /// By name.
    config: Vec<ConfigChange>,
    /// By name.
    subscriptions: Vec<BindingChange>,
    /// By name.
    schedules: Vec<BindingChange>,
}

/// What became of one thing.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ChangeKind {
    Added,
    Removed,
    Changed,
}

/// What became of a script.
#[derive(Serialize, ToSchema)]
struct ScriptChange {
    change: ChangeKind,
    /// Null for what a dry run would make.
    #[schema(required)]
    id: Option<Uuid>,
    /// As afterwards, or as before if it was removed.
    name: String,
    /// Which of `name`, `description`, `version`, `source` and `limits` differ; empty unless it changed.
    fields: Vec<&'static str>,
    /// Null if it was added.
    #[schema(required)]
    before: Option<ScriptState>,
    /// Null if it was removed.
    #[schema(required)]
    after: Option<ScriptState>,
}

/// A script in one of two releases.
#[derive(Serialize, ToSchema)]
struct ScriptState {
    name: String,
    description: String,
    version: u32,
    /// SHA-256 of the source, in hexadecimal; null in releases that were made before it was noted.
    #[schema(required)]
    content_hash: Option<String>,
    limits: LimitsBody,
}

/// What became of a route.
#[derive(Serialize, ToSchema)]
struct RouteChange {
    change: ChangeKind,
    /// Null for what a dry run would make.
    #[schema(required)]
    id: Option<Uuid>,
    /// Which of `script`, `host`, `path`, `methods` and `webhook` differ; empty unless it changed.
    fields: Vec<&'static str>,
    /// Null if it was added.
    #[schema(required)]
    before: Option<RouteState>,
    /// Null if it was removed.
    #[schema(required)]
    after: Option<RouteState>,
}

/// A route in one of two releases.
#[derive(Serialize, ToSchema)]
struct RouteState {
    /// The name of its script: as afterwards, or as before if that was removed.
    script: String,
    #[schema(required)]
    host: Option<String>,
    path: String,
    methods: Vec<String>,
    /// How its requests are signed.
    #[schema(required)]
    webhook: Option<WebhookBody>,
}

/// What became of a domain.
#[derive(Serialize, ToSchema)]
struct DomainChange {
    /// `added` or `removed`.
    change: ChangeKind,
    /// Null for what a dry run would make.
    #[schema(required)]
    id: Option<Uuid>,
    pattern: String,
}

/// What became of a value of the configuration.
#[derive(Serialize, ToSchema)]
struct ConfigChange {
    change: ChangeKind,
    #[schema(example = "GREETING")]
    name: String,
    /// Null if it was added.
    #[schema(required, value_type = Value)]
    before: Value,
    /// Null if it was removed.
    #[schema(required, value_type = Value)]
    after: Value,
}

/// What became of a subscription or a schedule.
#[derive(Serialize, ToSchema)]
struct BindingChange {
    change: ChangeKind,
    /// Null for what a dry run would make.
    #[schema(required)]
    id: Option<Uuid>,
    /// As afterwards, or as before if it was removed.
    name: String,
    /// Which of `name`, `script`, `is_paused` and the fields of `spec` differ; empty unless it changed.
    fields: Vec<&'static str>,
    /// Null if it was added.
    #[schema(required)]
    before: Option<BindingState>,
    /// Null if it was removed.
    #[schema(required)]
    after: Option<BindingState>,
}

/// A subscription or a schedule in one of two releases.
#[derive(Serialize, ToSchema)]
struct BindingState {
    name: String,
    /// The name of its script: as afterwards, or as before if that was removed.
    script: String,
    is_paused: bool,
    /// What starts the script, and what becomes of failures.
    #[schema(required, value_type = Value)]
    spec: Value,
}

/// Whether the changes have been made: what was only tried has no ids.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    Yes,
    No,
}

impl ChangesBody {
    pub(super) fn new(changes: Changes, made: Made) -> Self {
        let script_name = |script: ScriptId| changes.script_names.get(&script).cloned().unwrap_or_default();
        Self {
            summary: changes.summary(),
            subscriptions: changes
                .subscriptions
                .into_iter()
                .map(|subscription| BindingChange::new(subscription, made, &script_name))
                .collect(),
            schedules: changes
                .schedules
                .into_iter()
                .map(|schedule| BindingChange::new(schedule, made, &script_name))
                .collect(),
            routes: changes
                .routes
                .into_iter()
                .map(|route| RouteChange::new(route, made, &script_name))
                .collect(),
            scripts: changes
                .scripts
                .into_iter()
                .map(|script| ScriptChange::new(script, made))
                .collect(),
            domains: changes
                .domains
                .into_iter()
                .map(|domain| DomainChange::new(&domain, made))
                .collect(),
            config: changes.config.into_iter().map(ConfigChange::from).collect(),
        }
    }
}

impl ScriptChange {
    fn new(changed: Changed<ManifestScript>, made: Made) -> Self {
        let latest = changed.latest();
        let (id, name) = (latest.id.0, latest.name.clone());
        let (change, fields, before, after) = parts(changed);
        Self {
            change,
            id: told(id, change, made),
            name,
            fields,
            before: before.map(ScriptState::from),
            after: after.map(ScriptState::from),
        }
    }
}

impl RouteChange {
    fn new(changed: Changed<ManifestRoute>, made: Made, script_name: &impl Fn(ScriptId) -> String) -> Self {
        let id = changed.latest().id.0;
        let (change, fields, before, after) = parts(changed);
        let state = |route: ManifestRoute| RouteState {
            script: script_name(route.script_id),
            methods: methods(&route.methods),
            host: route.host,
            path: route.path,
            webhook: route.webhook.map(WebhookBody::from),
        };
        Self {
            change,
            id: told(id, change, made),
            fields,
            before: before.map(state),
            after: after.map(state),
        }
    }
}

impl BindingChange {
    fn new<S: BindingSpec>(
        changed: Changed<ManifestBinding<S>>,
        made: Made,
        script_name: &impl Fn(ScriptId) -> String,
    ) -> Self {
        let latest = changed.latest();
        let (id, name) = (latest.id, latest.name.clone());
        let (change, fields, before, after) = parts(changed);
        let state = |binding: ManifestBinding<S>| BindingState {
            name: binding.name,
            script: script_name(binding.script_id),
            is_paused: binding.is_paused,
            spec: serde_json::to_value(binding.spec).unwrap_or_default(),
        };
        Self {
            change,
            id: told(id, change, made),
            name,
            fields,
            before: before.map(state),
            after: after.map(state),
        }
    }
}

impl DomainChange {
    fn new(changed: &Changed<ManifestDomain>, made: Made) -> Self {
        let domain = changed.latest();
        let change = match changed {
            Changed::Added(_) => ChangeKind::Added,
            Changed::Removed(_) => ChangeKind::Removed,
            Changed::Changed { .. } => ChangeKind::Changed,
        };
        Self {
            change,
            id: told(domain.id.0, change, made),
            pattern: domain.pattern.clone(),
        }
    }
}

impl From<Changed<ManifestConfig>> for ConfigChange {
    fn from(changed: Changed<ManifestConfig>) -> Self {
        let name = changed.latest().name.clone();
        let (change, _, before, after) = parts(changed);
        let value = |config: Option<ManifestConfig>| config.map(|config| config.value).unwrap_or_default();
        Self {
            change,
            name,
            before: value(before),
            after: value(after),
        }
    }
}

impl From<ManifestScript> for ScriptState {
    fn from(script: ManifestScript) -> Self {
        Self {
            name: script.name,
            description: script.description,
            version: script.version,
            content_hash: script.content_hash.map(|hash| hash.to_string()),
            limits: script.limits.into(),
        }
    }
}

fn parts<T>(changed: Changed<T>) -> (ChangeKind, Vec<&'static str>, Option<T>, Option<T>) {
    match changed {
        Changed::Added(after) => (ChangeKind::Added, Vec::new(), None, Some(after)),
        Changed::Removed(before) => (ChangeKind::Removed, Vec::new(), Some(before), None),
        Changed::Changed {
            before,
            after,
            fields,
        } => (ChangeKind::Changed, fields, Some(before), Some(after)),
    }
}

fn told(id: Uuid, change: ChangeKind, made: Made) -> Option<Uuid> {
    (made == Made::Yes || !matches!(change, ChangeKind::Added)).then_some(id)
}
