//! What differs between two manifests of one app.

use std::collections::BTreeMap;

use super::{Manifest, ManifestBinding, ManifestConfig, ManifestDomain, ManifestRoute, ManifestScript};
use crate::{
    bindings::{BindingSpec, ScheduleSpec, SubscriptionSpec},
    id::ScriptId,
};

/// What differs between two manifests. Scripts, routes, subscriptions and schedules are the same by their id, whatever they are called. Domains
/// are the same by their pattern, which is all that there is to them: one that was given up and claimed again has
/// another id, but nothing about the app is different.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// By name.
    pub scripts: Vec<Changed<ManifestScript>>,
    /// By path and host.
    pub routes: Vec<Changed<ManifestRoute>>,
    /// By pattern.
    pub domains: Vec<Changed<ManifestDomain>>,
    /// By name.
    pub config: Vec<Changed<ManifestConfig>>,
    /// By name.
    pub subscriptions: Vec<Changed<ManifestBinding<SubscriptionSpec>>>,
    /// By name.
    pub schedules: Vec<Changed<ManifestBinding<ScheduleSpec>>>,
    /// What the scripts are called that routes, subscriptions and schedules lead to: as afterwards, or as before if they are gone then.
    pub script_names: BTreeMap<ScriptId, String>,
}

/// How one thing differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed<T> {
    /// Only the later manifest has it.
    Added(T),
    /// Only the earlier manifest has it.
    Removed(T),
    /// Both have it.
    Changed {
        /// As it was.
        before: T,
        /// As it is then.
        after: T,
        /// The names of the fields that differ.
        fields: Vec<&'static str>,
    },
}

impl Changes {
    /// What leads from `before` to `after`.
    pub fn between(before: &Manifest, after: &Manifest) -> Self {
        let mut scripts = compare(
            &before.scripts,
            &after.scripts,
            |script| script.id,
            ManifestScript::differences,
        );
        let mut routes = compare(
            &before.routes,
            &after.routes,
            |route| route.id,
            ManifestRoute::differences,
        );
        let mut domains = compare(
            &before.domains,
            &after.domains,
            |domain| domain.pattern.clone(),
            ManifestDomain::differences,
        );
        let mut config = compare(
            &before.config,
            &after.config,
            |config| config.name.clone(),
            ManifestConfig::differences,
        );
        scripts.sort_by(|a, b| a.latest().name.cmp(&b.latest().name));
        routes.sort_by(|a, b| {
            let key = |route: &ManifestRoute| (route.path.clone(), route.host.clone(), route.methods.clone());
            key(a.latest()).cmp(&key(b.latest()))
        });
        domains.sort_by(|a, b| a.latest().pattern.cmp(&b.latest().pattern));
        config.sort_by(|a, b| a.latest().name.cmp(&b.latest().name));
        let named = before.scripts.iter().chain(&after.scripts);
        Self {
            scripts,
            routes,
            domains,
            config,
            subscriptions: compare_bindings(&before.subscriptions, &after.subscriptions),
            schedules: compare_bindings(&before.schedules, &after.schedules),
            script_names: named.map(|script| (script.id, script.name.clone())).collect(),
        }
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.scripts.is_empty()
            && self.routes.is_empty()
            && self.domains.is_empty()
            && self.config.is_empty()
            && self.subscriptions.is_empty()
            && self.schedules.is_empty()
    }

    /// In a few words, such as `2 scripts added, 1 changed, 1 route removed`.
    pub fn summary(&self) -> String {
        let parts = [
            summary("script", &self.scripts),
            summary("route", &self.routes),
            summary("domain", &self.domains),
            summary("config value", &self.config),
            summary("subscription", &self.subscriptions),
            summary("schedule", &self.schedules),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        parts.join(", ")
    }
}

impl<T> Changed<T> {
    /// As it is afterwards; as it was if it is gone then.
    pub fn latest(&self) -> &T {
        match self {
            Self::Added(thing) | Self::Removed(thing) | Self::Changed { after: thing, .. } => thing,
        }
    }
}

fn compare_bindings<S: BindingSpec>(
    before: &[ManifestBinding<S>],
    after: &[ManifestBinding<S>],
) -> Vec<Changed<ManifestBinding<S>>> {
    let mut changed = compare(before, after, |binding| binding.id, ManifestBinding::differences);
    changed.sort_by(|a, b| a.latest().name.cmp(&b.latest().name));
    changed
}

fn compare<T: Clone, K: Ord>(
    before: &[T],
    after: &[T],
    key: impl Fn(&T) -> K,
    differences: impl Fn(&T, &T) -> Vec<&'static str>,
) -> Vec<Changed<T>> {
    let mut old: BTreeMap<K, &T> = before.iter().map(|thing| (key(thing), thing)).collect();
    let mut changed = Vec::new();
    for after in after {
        match old.remove(&key(after)) {
            None => changed.push(Changed::Added(after.clone())),
            Some(before) => {
                let fields = differences(before, after);
                if !fields.is_empty() {
                    changed.push(Changed::Changed {
                        before: before.clone(),
                        after: after.clone(),
                        fields,
                    });
                }
            }
        }
    }
    changed.extend(old.into_values().cloned().map(Changed::Removed));
    changed
}

/// The noun stands with the first number only.
fn summary<T>(noun: &str, changed: &[Changed<T>]) -> Option<String> {
    let counts = [
        (
            changed
                .iter()
                .filter(|one| matches!(one, Changed::Added(_)))
                .count(),
            "added",
        ),
        (
            changed
                .iter()
                .filter(|one| matches!(one, Changed::Changed { .. }))
                .count(),
            "changed",
        ),
        (
            changed
                .iter()
                .filter(|one| matches!(one, Changed::Removed(_)))
                .count(),
            "removed",
        ),
    ];
    let mut parts = Vec::new();
    for (count, verb) in counts.into_iter().filter(|(count, _)| *count > 0) {
        parts.push(match (parts.is_empty(), count) {
            (true, 1) => format!("1 {noun} {verb}"),
            (true, _) => format!("{count} {noun}s {verb}"),
            (false, _) => format!("{count} {verb}"),
        });
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        id::{DomainId, RouteId},
        limits::Limits,
        script::ContentHash,
    };

    fn script(id: u128, name: &str, version: u32) -> ManifestScript {
        ManifestScript {
            id: ScriptId(Uuid::from_u128(id)),
            name: name.to_owned(),
            description: String::new(),
            version,
            content_hash: Some(ContentHash::of(&version.to_string())),
            limits: Limits::DEFAULT,
        }
    }

    fn route(id: u128, path: &str) -> ManifestRoute {
        ManifestRoute {
            id: RouteId(Uuid::from_u128(id)),
            script_id: ScriptId(Uuid::from_u128(1)),
            host: None,
            path: path.to_owned(),
            methods: "GET".to_owned(),
            webhook: None,
        }
    }

    fn domain(id: u128, pattern: &str) -> ManifestDomain {
        ManifestDomain {
            id: DomainId(Uuid::from_u128(id)),
            pattern: pattern.to_owned(),
        }
    }

    #[test]
    fn what_differs_is_told_in_the_order_of_names() {
        let before = Manifest {
            scripts: vec![script(1, "z", 1), script(2, "gone", 1), script(3, "same", 1)],
            routes: vec![route(1, "/a")],
            domains: vec![domain(1, "a.test")],
            ..Manifest::default()
        };
        let after = Manifest {
            scripts: vec![script(1, "a", 2), script(3, "same", 1), script(4, "new", 1)],
            routes: vec![route(1, "/b")],
            domains: vec![domain(1, "a.test"), domain(2, "b.test")],
            ..Manifest::default()
        };
        let changes = Changes::between(&before, &after);
        assert_eq!(
            changes.scripts,
            [
                Changed::Changed {
                    before: script(1, "z", 1),
                    after: script(1, "a", 2),
                    fields: vec!["name", "version", "source"],
                },
                Changed::Removed(script(2, "gone", 1)),
                Changed::Added(script(4, "new", 1)),
            ]
        );
        assert_eq!(changes.domains, [Changed::Added(domain(2, "b.test"))]);
        assert_eq!(
            changes.summary(),
            "1 script added, 1 changed, 1 removed, 1 route changed, 1 domain added"
        );
        assert!(Changes::between(&after, &after).is_empty());
    }

    #[test]
    fn a_domain_that_was_claimed_again_is_the_same() {
        let with = |domains| Manifest {
            domains,
            ..Manifest::default()
        };
        let before = with(vec![domain(1, "a.test"), domain(2, "b.test")]);
        let after = with(vec![domain(2, "b.test"), domain(3, "a.test")]);
        assert!(Changes::between(&before, &after).is_empty());
        let renamed = with(vec![domain(2, "b.test"), domain(1, "c.test")]);
        assert_eq!(
            Changes::between(&before, &renamed).domains,
            [
                Changed::Removed(domain(1, "a.test")),
                Changed::Added(domain(1, "c.test")),
            ]
        );
    }

    #[test]
    fn another_version_of_the_same_source_is_told_apart_from_another_source() {
        let mut again = script(1, "a", 3);
        again.content_hash = script(1, "a", 1).content_hash;
        assert_eq!(script(1, "a", 1).differences(&again), ["version"]);
        // Early manifests have no hash.
        let mut early = script(1, "a", 1);
        early.content_hash = None;
        assert_eq!(early.differences(&script(1, "a", 1)), [""; 0]);
        assert_eq!(early.differences(&again), ["version", "source"]);
    }

    #[test]
    fn values_are_the_same_by_name() {
        let with = |values: &[(&str, i64)]| Manifest {
            config: values
                .iter()
                .map(|(name, value)| ManifestConfig {
                    name: (*name).to_owned(),
                    value: (*value).into(),
                })
                .collect(),
            ..Manifest::default()
        };
        let changes = Changes::between(
            &with(&[("B", 1), ("C", 1), ("A", 1)]),
            &with(&[("A", 2), ("B", 1), ("D", 1)]),
        );
        let names: Vec<_> = changes
            .config
            .iter()
            .map(|one| one.latest().name.as_str())
            .collect();
        assert_eq!(names, ["A", "C", "D"]);
        assert_eq!(changes.summary(), "1 config value added, 1 changed, 1 removed");
    }

    #[test]
    fn subscriptions_are_the_same_by_id() {
        let subscription = |id: u128, name: &str, topic: &str, is_paused| ManifestBinding {
            id: Uuid::from_u128(id),
            name: name.to_owned(),
            script_id: ScriptId(Uuid::from_u128(1)),
            is_paused,
            spec: SubscriptionSpec {
                topic: topic.parse().unwrap(),
                filter: None,
                ordered: false,
                batch: None,
                concurrency_max: None,
                retry: crate::events::RetryPolicy::default(),
                on_success: None,
                on_failure: None,
            },
        };
        let with = |subscriptions| Manifest {
            subscriptions,
            ..Manifest::default()
        };
        let changes = Changes::between(
            &with(vec![
                subscription(1, "b", "x", false),
                subscription(2, "gone", "x", false),
            ]),
            &with(vec![
                subscription(1, "c", "y", true),
                subscription(3, "a", "x", false),
            ]),
        );
        let names: Vec<_> = changes
            .subscriptions
            .iter()
            .map(|one| one.latest().name.as_str())
            .collect();
        assert_eq!(names, ["a", "c", "gone"]);
        assert_eq!(
            changes.subscriptions[1],
            Changed::Changed {
                before: subscription(1, "b", "x", false),
                after: subscription(1, "c", "y", true),
                fields: vec!["name", "is_paused", "topic"],
            }
        );
        assert_eq!(changes.summary(), "1 subscription added, 1 changed, 1 removed");
        assert!(!changes.is_empty());
    }

    #[test]
    fn many_are_counted_in_the_plural() {
        let after = Manifest {
            routes: vec![route(1, "/a"), route(2, "/b")],
            ..Manifest::default()
        };
        assert_eq!(
            Changes::between(&Manifest::default(), &after).summary(),
            "2 routes added"
        );
        assert_eq!(Changes::default().summary(), "");
    }
}
