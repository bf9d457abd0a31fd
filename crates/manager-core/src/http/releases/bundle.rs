//! A bundle as it is sent.

use std::{collections::BTreeMap, mem, sync::Arc};

use picloud_shared::{
    limits::Limits,
    release::{Bundle, BundleRoute, BundleScript},
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    Manager,
    http::{
        domains::claimable,
        problem::Answer,
        routes::{methods, require_open},
        scripts::SetLimits,
        validate::{Object, Violations, object_or_default, or_default},
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
        Some(BundleRoute {
            script: script?,
            host,
            path: path?,
            methods: methods?,
        })
    }
}

/// All of them, or nothing; every one is looked at.
fn all<T>(read: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    // Collected first, as reading into an `Option` would stop at the first fault.
    let read: Vec<Option<T>> = read.collect();
    read.into_iter().collect()
}
