//! What a bundle means for an app: which of its things are the app's already, and what the app has afterwards.

use std::{collections::HashMap, sync::Arc};

use picloud_shared::{
    bindings::BindingSpec,
    change::Change,
    domain::HostPattern,
    events::Destination,
    id::{DomainId, RouteId, ScriptId, SubscriptionId},
    release::{
        Bundle, BundleBinding, BundleDestination, BundleRoute, BundleScript, Manifest, ManifestBinding,
        ManifestConfig, ManifestDomain, ManifestRoute, ManifestScript,
    },
    repository::{DeployError, StoreError},
    script::{ContentHash, ScriptName},
};

use uuid::Uuid;

use crate::{change::ReleaseChange, convert::parse, db::Transaction, versions::next_version};

/// A source that becomes a version.
pub(super) type NewVersion = (ScriptId, u32, Arc<str>);

/// What an app is to become.
pub(super) struct Plan {
    /// All that it has afterwards.
    pub(super) manifest: Manifest,
    /// The versions in it that do not exist yet.
    pub(super) sources: Vec<NewVersion>,
}

impl Plan {
    /// The way from `before` to `bundle`.
    pub(super) async fn make(
        release: &mut ReleaseChange<'_>,
        before: &Manifest,
        bundle: &Bundle,
        change: &Change,
    ) -> Result<Self, DeployError> {
        let mut sources = Vec::new();
        let mut scripts = Vec::new();
        let mut ids: HashMap<&ScriptName, ScriptId> = HashMap::new();
        for script in &bundle.scripts {
            let existing = before.scripts.iter().find(|old| old.name == script.name.as_str());
            let planned =
                plan_script(&mut release.transaction, script, existing, change, &mut sources).await?;
            ids.insert(&script.name, planned.id);
            scripts.push(planned);
        }
        let domains = plan_domains(before, bundle, change);
        require_covered(&domains, &bundle.routes)?;
        Ok(Self {
            manifest: Manifest {
                scripts,
                routes: plan_routes(before, &bundle.routes, &ids, change),
                domains,
                config: plan_config(before, bundle),
                subscriptions: plan_bindings(
                    &before.subscriptions,
                    bundle.subscriptions.as_deref(),
                    &ids,
                    change,
                ),
                schedules: plan_bindings(&before.schedules, bundle.schedules.as_deref(), &ids, change),
            },
            sources,
        })
    }
}

/// A script is the app's already if it has the name, and a version is live already if it has the source.
async fn plan_script(
    transaction: &mut Transaction,
    script: &BundleScript,
    existing: Option<&ManifestScript>,
    change: &Change,
    sources: &mut Vec<NewVersion>,
) -> Result<ManifestScript, StoreError> {
    let hash = ContentHash::of(&script.source);
    let (id, version) = match existing {
        Some(old) if old.content_hash == Some(hash) => (old.id, old.version),
        Some(old) => (old.id, next_version(transaction, old.id).await?),
        None => (ScriptId::new(change.at), 1),
    };
    if existing.is_none_or(|old| old.version != version) {
        sources.push((id, version, Arc::clone(&script.source)));
    }
    Ok(ManifestScript {
        id,
        name: script.name.as_str().to_owned(),
        description: script.description.clone(),
        version,
        content_hash: Some(hash),
        limits: script.limits,
    })
}

/// A route is the app's already if host, path and methods are the same; of those that remain, if host and path are.
fn plan_routes(
    before: &Manifest,
    routes: &[BundleRoute],
    scripts: &HashMap<&ScriptName, ScriptId>,
    change: &Change,
) -> Vec<ManifestRoute> {
    let mut planned: Vec<(Option<RouteId>, ManifestRoute)> = routes
        .iter()
        .filter_map(|route| Some((None, wanted(route, *scripts.get(&route.script)?, change))))
        .collect();
    let mut free: HashMap<String, Vec<&ManifestRoute>> = HashMap::new();
    for old in &before.routes {
        free.entry(place(old)).or_default().push(old);
    }
    for same_methods in [true, false] {
        for (id, route) in planned.iter_mut().filter(|(id, _)| id.is_none()) {
            let Some(candidates) = free.get_mut(&place(route)) else {
                continue;
            };
            let fits = |old: &&ManifestRoute| !same_methods || old.methods == route.methods;
            if let Some(position) = candidates.iter().position(fits) {
                *id = Some(candidates.remove(position).id);
            }
        }
    }
    planned
        .into_iter()
        .map(|(id, route)| ManifestRoute {
            id: id.unwrap_or(route.id),
            ..route
        })
        .collect()
}

fn wanted(route: &BundleRoute, script: ScriptId, change: &Change) -> ManifestRoute {
    ManifestRoute {
        id: RouteId::new(change.at),
        script_id: script,
        host: route.host.as_ref().map(|host| host.as_str().to_owned()),
        path: route.path.as_str().to_owned(),
        methods: route.methods.to_string(),
        webhook: route.webhook.clone(),
    }
}

/// Host and path.
fn place(route: &ManifestRoute) -> String {
    format!("{} {}", route.host.as_deref().unwrap_or_default(), route.path)
}

/// A domain is the app's already if it has the pattern.
fn plan_domains(before: &Manifest, bundle: &Bundle, change: &Change) -> Vec<ManifestDomain> {
    let Some(patterns) = &bundle.domains else {
        return before.domains.clone();
    };
    let planned = patterns.iter().map(|pattern| {
        let existing = before.domains.iter().find(|old| old.pattern == pattern.as_str());
        existing.cloned().unwrap_or_else(|| ManifestDomain {
            id: DomainId::new(change.at),
            pattern: pattern.as_str().to_owned(),
        })
    });
    planned.collect()
}

fn plan_config(before: &Manifest, bundle: &Bundle) -> Vec<ManifestConfig> {
    let Some(config) = &bundle.config else {
        return before.config.clone();
    };
    let planned = config.iter().map(|(name, value)| ManifestConfig {
        name: name.clone(),
        value: value.clone(),
    });
    planned.collect()
}

/// A binding is the app's already if it has the name. Without a word of them, those stay whose scripts do.
fn plan_bindings<S: BindingSpec>(
    before: &[ManifestBinding<S>],
    wanted: Option<&[BundleBinding<S>]>,
    scripts: &HashMap<&ScriptName, ScriptId>,
    change: &Change,
) -> Vec<ManifestBinding<S>> {
    let Some(wanted) = wanted else {
        let stays = |binding: &&ManifestBinding<S>| scripts.values().any(|id| *id == binding.script_id);
        return before.iter().filter(stays).cloned().collect();
    };
    let destination = |destination: &BundleDestination| match destination {
        BundleDestination::Script(script) => scripts.get(script).copied().map(Destination::Script),
        BundleDestination::Topic(topic) => Some(Destination::Topic(topic.clone())),
    };
    let planned = wanted.iter().filter_map(|binding| {
        let existing = before.iter().find(|old| old.name == binding.name);
        let mut spec = binding.spec.clone();
        spec.set_destinations(
            binding.on_success.as_ref().and_then(destination),
            binding.on_failure.as_ref().and_then(destination),
        );
        Some(ManifestBinding {
            id: existing.map_or_else(|| new_id(change), |old| old.id),
            name: binding.name.clone(),
            script_id: *scripts.get(&binding.script)?,
            is_paused: binding.is_paused,
            spec,
        })
    });
    planned.collect()
}

/// An id of either kind: all are made alike.
fn new_id(change: &Change) -> Uuid {
    SubscriptionId::new(change.at).0
}

/// Every host of a route falls under a domain that the app has afterwards.
fn require_covered(domains: &[ManifestDomain], routes: &[BundleRoute]) -> Result<(), DeployError> {
    let claims: Vec<HostPattern> = domains
        .iter()
        .map(|domain| parse("domain", &domain.pattern))
        .collect::<Result<_, _>>()?;
    let mut hosts: Vec<String> = routes
        .iter()
        .filter_map(|route| route.host.as_ref())
        .filter(|host| !claims.iter().any(|claim| host.is_under(claim)))
        .map(|host| host.as_str().to_owned())
        .collect();
    hosts.sort();
    hosts.dedup();
    if hosts.is_empty() {
        Ok(())
    } else {
        Err(DeployError::HostsNotClaimed(hosts))
    }
}
