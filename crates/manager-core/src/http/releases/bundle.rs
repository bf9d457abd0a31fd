//! A bundle as it is sent.

use std::{collections::BTreeMap, mem, sync::Arc};

use picloud_shared::{
    bindings::{ScheduleSpec, SubscriptionSpec},
    limits::Limits,
    release::{Bundle, BundleBinding, BundleDestination, BundleRoute, BundleScript},
    script::ScriptName,
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    Manager,
    http::{
        bindings::{
            due::{SetDue, SetPolicy},
            parts::{BundledDestination, SetBatch, SetRetry, filter, pattern, runs_max, small},
        },
        domains::claimable,
        problem::Answer,
        routes::{methods, require_open, webhook::SetWebhook},
        scripts::SetLimits,
        validate::{Object, Violations, object, object_or_default, or_default},
    },
};

/// A whole app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateRelease {
    /// Why, for the history; at most 500 characters.
    #[serde(default)]
    pub(super) note: Option<String>,
    /// All scripts of the app: at most 200, with at most 2 MiB of source together.
    #[schema(value_type = Vec<BundledScript>)]
    scripts: Vec<Object<BundledScript>>,
    /// All routes of the app: at most 1,000.
    #[schema(value_type = Vec<BundledRoute>)]
    routes: Vec<Object<BundledRoute>>,
    /// All domains of the app: at most 100. If absent or null, they stay as they are.
    #[serde(default)]
    #[schema(example = json!(["{tenant}.example.com"]))]
    domains: Option<Vec<String>>,
    /// The whole configuration of the app, by name: at most 200 values of any JSON, with 256 KiB together. If absent or
    /// null, it stays as it is.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, Value>>, example = json!({ "GREETING": "Hello" }))]
    config: Option<BTreeMap<String, Value>>,
    /// All subscriptions of the app: at most 200. If absent or null, they stay as they are, but for those of scripts that
    /// the bundle does not have.
    #[serde(default)]
    #[schema(value_type = Option<Vec<BundledSubscription>>)]
    subscriptions: Option<Vec<Object<BundledSubscription>>>,
    /// All schedules of the app: at most 200. If absent or null, the same.
    #[serde(default)]
    #[schema(value_type = Option<Vec<BundledSchedule>>)]
    schedules: Option<Vec<Object<BundledSchedule>>>,
    /// Only if this release is live, so that nobody's change is lost; 0 if the app has none yet.
    #[serde(default)]
    pub(super) expected_release: Option<u32>,
    /// Only tell what would change, or why it would be refused.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(nullable)]
    pub(super) dry_run: bool,
}

/// A script of a bundle.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BundledScript {
    /// 1 to 64 letters, digits, `-`, `_` or `.`; each once in the bundle.
    #[schema(example = "hello")]
    name: String,
    /// At most 256 KiB.
    #[schema(example = "\"Hello, \" + (request.query.name ?? \"World\")")]
    source: String,
    /// At most 2,000 characters; empty if absent.
    #[serde(default)]
    description: Option<String>,
    /// Over the default limits, whatever the script had before.
    #[serde(default, deserialize_with = "object_or_default")]
    #[schema(nullable)]
    limits: SetLimits,
}

/// A route of a bundle.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BundledRoute {
    /// The name of a script of the bundle.
    #[schema(example = "hello")]
    script: String,
    /// Only on these hosts, which must fall under a domain of the app; on every host that the app claims if absent.
    #[serde(default)]
    #[schema(example = "{tenant}.example.com")]
    host: Option<String>,
    /// `{name}` is any one segment, `{*rest}` at the end all that remains.
    #[schema(example = "/users/{id}")]
    path: String,
    /// `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE`, `OPTIONS`, or `*` for every method.
    #[schema(example = json!(["GET"]))]
    methods: Vec<String>,
    /// How its requests are signed; anybody may send some if absent.
    #[serde(default, deserialize_with = "object")]
    webhook: Option<SetWebhook>,
}

/// A subscription of a bundle.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BundledSubscription {
    /// 1 to 64 letters, digits, `-`, `_` or `.`; each once in the bundle.
    #[schema(example = "orders-to-mail")]
    name: String,
    /// The name of a script of the bundle.
    #[schema(example = "hello")]
    script: String,
    /// A topic, or the beginning of topics and `*`.
    #[schema(example = "orders.*")]
    topic: String,
    /// Only events that fit.
    #[serde(default)]
    #[schema(value_type = Option<Value>, example = json!({ "data.total": { "gte": 100 } }))]
    filter: Option<Value>,
    /// Whether events with the same key run one after the other.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(nullable)]
    ordered: bool,
    /// Whether a run gets several events; one event a run if absent.
    #[serde(default, deserialize_with = "object")]
    batch: Option<SetBatch>,
    /// How many runs for it may be going at one time, on all servers together: 1 to 1,000. As many as its script may, if
    /// absent.
    #[serde(default)]
    concurrency_max: Option<u32>,
    #[serde(default, deserialize_with = "object_or_default")]
    #[schema(nullable)]
    retry: SetRetry,
    /// Who is told of each event that is done.
    #[serde(default, deserialize_with = "object")]
    on_success: Option<BundledDestination>,
    /// Who is told of each event that is dead.
    #[serde(default, deserialize_with = "object")]
    on_failure: Option<BundledDestination>,
    /// Whether events pass it by.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(nullable)]
    is_paused: bool,
}

/// A schedule of a bundle.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BundledSchedule {
    /// 1 to 64 letters, digits, `-`, `_` or `.`; each once in the bundle.
    #[schema(example = "nightly")]
    name: String,
    /// The name of a script of the bundle.
    #[schema(example = "hello")]
    script: String,
    #[schema(value_type = SetDue)]
    schedule: Object<SetDue>,
    /// Any JSON of at most 32 KiB: the data of each of its events.
    #[serde(default)]
    #[schema(value_type = Option<Value>, example = json!({ "days": 30 }))]
    arguments: Value,
    #[serde(default, deserialize_with = "object_or_default")]
    #[schema(nullable)]
    policy: SetPolicy,
    #[serde(default, deserialize_with = "object_or_default")]
    #[schema(nullable)]
    retry: SetRetry,
    /// Who is told of each run that is done.
    #[serde(default, deserialize_with = "object")]
    on_success: Option<BundledDestination>,
    /// Who is told of each occurrence that is dead.
    #[serde(default, deserialize_with = "object")]
    on_failure: Option<BundledDestination>,
    /// Whether it starts nothing.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(nullable)]
    is_paused: bool,
}

impl CreateRelease {
    /// Reads the bundle, which is used up by that. All that is wrong with single fields is told at once.
    pub(super) fn read(&mut self, manager: &Manager) -> Answer<Bundle> {
        let mut violations = Violations::default();
        if let Some(note) = &self.note {
            violations.note("note", note);
        }
        let scripts = mem::take(&mut self.scripts);
        let scripts = scripts.into_iter().enumerate().map(|(index, Object(script))| {
            violations.within(&format!("scripts[{index}]"), |violations| script.read(violations))
        });
        let scripts: Option<Vec<BundleScript>> = all(scripts);
        let routes = self.routes.iter().enumerate().map(|(index, Object(route))| {
            violations.within(&format!("routes[{index}]"), |violations| route.read(violations))
        });
        let routes: Option<Vec<BundleRoute>> = all(routes);
        let subscriptions = mem::take(&mut self.subscriptions).map(|subscriptions| {
            let read = subscriptions.into_iter().enumerate();
            let read = read.filter_map(|(index, Object(subscription))| {
                violations.within(&format!("subscriptions[{index}]"), |violations| {
                    subscription.read(violations)
                })
            });
            read.collect::<Vec<_>>()
        });
        let schedules = mem::take(&mut self.schedules).map(|schedules| {
            let read = schedules.into_iter().enumerate();
            let read = read.filter_map(|(index, Object(schedule))| {
                violations.within(&format!("schedules[{index}]"), |violations| {
                    schedule.read(violations)
                })
            });
            read.collect::<Vec<_>>()
        });
        let (scripts, routes) = violations.finish_with(scripts.zip(routes))?;

        for route in &routes {
            require_open(manager.admin_host(), route.host.as_ref(), &route.path)?;
        }
        let domains = self.domains.iter().flatten().map(|text| claimable(manager, text));
        let domains = domains.collect::<Answer<Vec<_>>>()?;
        let bundle = Bundle {
            scripts,
            routes,
            domains: self.domains.is_some().then_some(domains),
            config: self.config.take(),
            subscriptions,
            schedules,
        };
        let mut violations = Violations::default();
        for fault in bundle.faults() {
            violations.add(&fault.field, fault.message);
        }
        violations.finish()?;
        Ok(bundle)
    }
}

impl BundledScript {
    fn read(self, violations: &mut Violations) -> Option<BundleScript> {
        let description = self.description.unwrap_or_default();
        violations.description("description", &description);
        let limits = self.limits.over(Limits::DEFAULT, violations);
        Some(BundleScript {
            name: violations.parse("name", &self.name)?,
            description,
            source: Arc::from(self.source),
            limits,
        })
    }
}

impl BundledRoute {
    fn read(&self, violations: &mut Violations) -> Option<BundleRoute> {
        let script = violations.parse("script", &self.script);
        let host = violations.parse_some("host", self.host.as_deref());
        let path = violations.parse("path", &self.path);
        let methods = methods(violations, &self.methods);
        let webhook = self.webhook.as_ref().and_then(|webhook| webhook.read(violations));
        Some(BundleRoute {
            script: script?,
            host,
            path: path?,
            methods: methods?,
            webhook,
        })
    }
}

impl BundledSubscription {
    /// What it says; what is wrong with it is among the violations.
    fn read(self, violations: &mut Violations) -> Option<BundleBinding<SubscriptionSpec>> {
        let topic = pattern(violations, &self.topic);
        let filter = filter(violations, self.filter);
        let batch = self.batch.map(|batch| batch.read(violations));
        let concurrency_max = runs_max(violations, self.concurrency_max);
        let retry = self.retry.read(violations);
        let ends = Ends::read(self.on_success.as_ref(), self.on_failure.as_ref(), violations);
        Some(BundleBinding {
            name: self.name,
            script: script(&self.script, violations)?,
            is_paused: self.is_paused,
            spec: SubscriptionSpec {
                topic: topic?,
                filter,
                ordered: self.ordered,
                batch,
                concurrency_max,
                retry,
                on_success: None,
                on_failure: None,
            },
            on_success: ends.on_success,
            on_failure: ends.on_failure,
        })
    }
}

impl BundledSchedule {
    /// What it says; what is wrong with it is among the violations. It may be one that is over: the same bundle always
    /// makes the same app.
    fn read(self, violations: &mut Violations) -> Option<BundleBinding<ScheduleSpec>> {
        let schedule = self.schedule.0.read(violations);
        small(violations, "arguments", &self.arguments);
        let policy = self.policy.read(violations);
        let retry = self.retry.read(violations);
        let ends = Ends::read(self.on_success.as_ref(), self.on_failure.as_ref(), violations);
        Some(BundleBinding {
            name: self.name,
            script: script(&self.script, violations)?,
            is_paused: self.is_paused,
            spec: ScheduleSpec {
                schedule: schedule?,
                arguments: self.arguments,
                policy,
                retry,
                on_success: None,
                on_failure: None,
            },
            on_success: ends.on_success,
            on_failure: ends.on_failure,
        })
    }
}

/// Who is told of ends.
struct Ends {
    on_success: Option<BundleDestination>,
    on_failure: Option<BundleDestination>,
}

impl Ends {
    fn read(
        on_success: Option<&BundledDestination>,
        on_failure: Option<&BundledDestination>,
        violations: &mut Violations,
    ) -> Self {
        Self {
            on_success: on_success.and_then(|to| to.read("on_success", violations)),
            on_failure: on_failure.and_then(|to| to.read("on_failure", violations)),
        }
    }
}

fn script(name: &str, violations: &mut Violations) -> Option<ScriptName> {
    violations.parse("script", name)
}

/// All of them, or nothing; every one is looked at.
fn all<T>(read: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    // Collected first, as reading into an `Option` would stop at the first fault.
    let read: Vec<Option<T>> = read.collect();
    read.into_iter().collect()
}
