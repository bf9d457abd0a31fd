//! Bundles: a whole app at once, as a client writes it down.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde_json::Value;

use crate::{
    bindings::{BINDINGS_BYTES_MAX, BINDINGS_MAX, BindingSpec, ScheduleSpec, SubscriptionSpec, check_name},
    config::{CONFIG_BYTES_MAX, CONFIG_VALUE_BYTES_MAX, CONFIG_VALUES_MAX},
    domain::HostPattern,
    events::Topic,
    limits::Limits,
    path::PathPattern,
    route::MethodSet,
    route::shape_key,
    script::ScriptName,
    secret::SettingName,
    webhook::Webhook,
};

/// Most scripts in a bundle.
pub const BUNDLE_SCRIPTS_MAX: usize = 200;
/// Most routes in a bundle.
pub const BUNDLE_ROUTES_MAX: usize = 1_000;
/// Most domains in a bundle.
pub const BUNDLE_DOMAINS_MAX: usize = 100;
/// Most bytes that all sources of a bundle have together.
pub const BUNDLE_SOURCE_BYTES_MAX: usize = 2 * 1_024 * 1_024;

/// All scripts and routes of an app, and its domains if it says something of them. What it does not name, the app does
/// not have afterwards.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// Known to the app by their names.
    pub scripts: Vec<BundleScript>,
    /// Known to the app by their hosts, paths and methods.
    pub routes: Vec<BundleRoute>,
    /// `None` leaves the domains as they are.
    pub domains: Option<Vec<HostPattern>>,
    /// `None` leaves the configuration as it is.
    pub config: Option<BTreeMap<String, Value>>,
    /// Known to the app by their names; `None` leaves the subscriptions as they are.
    pub subscriptions: Option<Vec<BundleBinding<SubscriptionSpec>>>,
    /// Known to the app by their names; `None` leaves the schedules as they are.
    pub schedules: Option<Vec<BundleBinding<ScheduleSpec>>>,
}

/// A script of a [`Bundle`].
#[derive(Clone, Debug)]
pub struct BundleScript {
    /// Its name.
    pub name: ScriptName,
    /// What it is for.
    pub description: String,
    /// Its source. A new version only if it is another one than that of the live version.
    pub source: Arc<str>,
    /// What one run may use.
    pub limits: Limits,
}

/// A route of a [`Bundle`].
#[derive(Clone, Debug)]
pub struct BundleRoute {
    /// The name of its script.
    pub script: ScriptName,
    /// Its hosts.
    pub host: Option<HostPattern>,
    /// Its paths.
    pub path: PathPattern,
    /// Its methods.
    pub methods: MethodSet,
    /// How its requests are signed; anybody may send some if absent.
    pub webhook: Option<Webhook>,
}

/// A subscription or a schedule of a [`Bundle`].
#[derive(Clone, Debug)]
pub struct BundleBinding<S> {
    /// Its name.
    pub name: String,
    /// The name of its script.
    pub script: ScriptName,
    /// Whether it starts nothing.
    pub is_paused: bool,
    /// What starts the script; without destinations, whose scripts have no ids yet.
    pub spec: S,
    /// Who is told of each run that is done.
    pub on_success: Option<BundleDestination>,
    /// Who is told of each event that is dead.
    pub on_failure: Option<BundleDestination>,
}

/// A destination in a [`Bundle`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BundleDestination {
    /// A script, by its name.
    Script(ScriptName),
    /// A topic.
    Topic(Topic),
}

/// What contradicts itself in a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleFault {
    /// Where, such as `routes[2].script`.
    pub field: String,
    /// What to do.
    pub message: String,
}

impl Bundle {
    /// Everything that contradicts itself, whatever app it is for.
    pub fn faults(&self) -> Vec<BundleFault> {
        let mut faults = Vec::new();
        self.check_scripts(&mut faults);
        self.check_routes(&mut faults);
        self.check_domains(&mut faults);
        self.check_config(&mut faults);
        self.check_bindings("subscriptions", self.subscriptions.as_deref(), &mut faults);
        self.check_bindings("schedules", self.schedules.as_deref(), &mut faults);
        faults
    }

    fn check_scripts(&self, faults: &mut Vec<BundleFault>) {
        let mut seen = HashMap::new();
        for (index, script) in self.scripts.iter().enumerate() {
            if let Some(first) = seen.insert(&script.name, index) {
                let field = format!("scripts[{index}].name");
                fault(faults, field, format!("scripts[{first}] has the same name"));
            }
        }
        let bytes: usize = self.scripts.iter().map(|script| script.source.len()).sum();
        if bytes > BUNDLE_SOURCE_BYTES_MAX {
            let message =
                format!("all sources together may have {BUNDLE_SOURCE_BYTES_MAX} bytes, and have {bytes}");
            fault(faults, "scripts".to_owned(), message);
        }
        let counts = [
            ("scripts", self.scripts.len(), BUNDLE_SCRIPTS_MAX),
            ("routes", self.routes.len(), BUNDLE_ROUTES_MAX),
            (
                "domains",
                self.domains.as_ref().map_or(0, Vec::len),
                BUNDLE_DOMAINS_MAX,
            ),
        ];
        for (field, count, max) in counts {
            if count > max {
                fault(
                    faults,
                    field.to_owned(),
                    format!("a bundle has at most {max}, this one has {count}"),
                );
            }
        }
    }

    fn check_routes(&self, faults: &mut Vec<BundleFault>) {
        let mut seen: HashMap<String, Vec<(usize, MethodSet)>> = HashMap::new();
        for (index, route) in self.routes.iter().enumerate() {
            if !self.scripts.iter().any(|script| script.name == route.script) {
                let message = format!("the bundle has no script `{}`", route.script);
                fault(faults, format!("routes[{index}].script"), message);
            }
            let same_shape = seen
                .entry(shape_key(route.host.as_ref(), &route.path))
                .or_default();
            if let Some((first, _)) = same_shape
                .iter()
                .find(|(_, methods)| methods.overlaps(route.methods))
            {
                let message = format!("routes[{first}] matches the same hosts and paths and shares a method");
                fault(faults, format!("routes[{index}]"), message);
            }
            same_shape.push((index, route.methods));
        }
    }

    fn check_domains(&self, faults: &mut Vec<BundleFault>) {
        let mut seen = HashMap::new();
        for (index, pattern) in self.domains.iter().flatten().enumerate() {
            if let Some(first) = seen.insert(pattern.shape_key(), index) {
                let field = format!("domains[{index}]");
                fault(faults, field, format!("domains[{first}] has the same shape"));
            }
        }
    }

    fn check_config(&self, faults: &mut Vec<BundleFault>) {
        let Some(config) = &self.config else { return };
        let mut bytes = 0;
        for (name, value) in config {
            let field = format!("config.{name}");
            if let Err(error) = name.parse::<SettingName>() {
                fault(faults, field.clone(), error.to_string());
            }
            let size = value.to_string().len();
            if size > CONFIG_VALUE_BYTES_MAX {
                fault(
                    faults,
                    field,
                    format!("must have at most {CONFIG_VALUE_BYTES_MAX} bytes as JSON"),
                );
            }
            bytes += name.len() + size;
        }
        if config.len() > CONFIG_VALUES_MAX || bytes > CONFIG_BYTES_MAX {
            let message = format!(
                "an app has at most {CONFIG_VALUES_MAX} values with {CONFIG_BYTES_MAX} bytes together"
            );
            fault(faults, "config".to_owned(), message);
        }
    }
}

impl Bundle {
    fn check_bindings<S: BindingSpec>(
        &self,
        kinds: &str,
        bindings: Option<&[BundleBinding<S>]>,
        faults: &mut Vec<BundleFault>,
    ) {
        let bindings = bindings.unwrap_or_default();
        let mut seen = HashMap::new();
        let mut bytes = 0;
        for (index, binding) in bindings.iter().enumerate() {
            let field = |name: &str| format!("{kinds}[{index}].{name}");
            if let Err(error) = check_name(&binding.name) {
                fault(faults, field("name"), error.to_string());
            }
            if let Some(first) = seen.insert(&binding.name, index) {
                fault(
                    faults,
                    field("name"),
                    format!("{kinds}[{first}] has the same name"),
                );
            }
            let destination = |destination: Option<&BundleDestination>| match destination {
                Some(BundleDestination::Script(script)) => Some(script.clone()),
                Some(BundleDestination::Topic(_)) | None => None,
            };
            let named = [
                ("script", Some(binding.script.clone())),
                ("on_success.script", destination(binding.on_success.as_ref())),
                ("on_failure.script", destination(binding.on_failure.as_ref())),
            ];
            for (name, script) in named {
                if let Some(script) = script
                    && !self.scripts.iter().any(|known| known.name == script)
                {
                    fault(
                        faults,
                        field(name),
                        format!("the bundle has no script `{script}`"),
                    );
                }
            }
            bytes += serde_json::to_string(&binding.spec).map_or(0, |spec| spec.len());
        }
        if bindings.len() > BINDINGS_MAX || bytes > BINDINGS_BYTES_MAX {
            let message =
                format!("an app has at most {BINDINGS_MAX} {kinds} with {BINDINGS_BYTES_MAX} bytes together");
            fault(faults, kinds.to_owned(), message);
        }
    }
}

fn fault(faults: &mut Vec<BundleFault>, field: String, message: String) {
    faults.push(BundleFault { field, message });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(name: &str) -> BundleScript {
        BundleScript {
            name: name.parse().unwrap(),
            description: String::new(),
            source: Arc::from("1"),
            limits: Limits::DEFAULT,
        }
    }

    fn route(script: &str, host: Option<&str>, path: &str, methods: &str) -> BundleRoute {
        BundleRoute {
            script: script.parse().unwrap(),
            host: host.map(|host| host.parse().unwrap()),
            path: path.parse().unwrap(),
            methods: methods.parse().unwrap(),
            webhook: None,
        }
    }

    fn subscription(
        name: &str,
        script: &str,
        on_failure: Option<BundleDestination>,
    ) -> BundleBinding<SubscriptionSpec> {
        BundleBinding {
            name: name.to_owned(),
            script: script.parse().unwrap(),
            is_paused: false,
            spec: SubscriptionSpec {
                topic: "orders.*".parse().unwrap(),
                filter: None,
                ordered: false,
                batch: None,
                concurrency_max: None,
                retry: crate::events::RetryPolicy::default(),
                on_success: None,
                on_failure: None,
            },
            on_success: None,
            on_failure,
        }
    }

    fn fields(bundle: &Bundle) -> Vec<String> {
        bundle.faults().into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn what_contradicts_itself_is_named() {
        let bundle = Bundle {
            scripts: vec![script("a"), script("b"), script("a")],
            routes: vec![
                route("a", None, "/{x}", "GET"),
                route("a", None, "/{y}", "POST"),
                route("b", None, "/{z}", "GET, PUT"),
                route("c", Some("a.test"), "/{x}", "GET"),
            ],
            domains: Some(vec!["{a}.test".parse().unwrap(), "*.test".parse().unwrap()]),
            config: Some(BTreeMap::from([
                ("2A".to_owned(), Value::Null),
                ("LARGE".to_owned(), "x".repeat(CONFIG_VALUE_BYTES_MAX).into()),
                ("FINE".to_owned(), 1.into()),
            ])),
            subscriptions: Some(vec![
                subscription("one", "a", None),
                subscription("one", "c", Some(BundleDestination::Script("d".parse().unwrap()))),
                subscription("-", "a", Some(BundleDestination::Topic("t".parse().unwrap()))),
            ]),
            schedules: None,
        };
        assert_eq!(
            fields(&bundle),
            [
                "scripts[2].name",
                "routes[2]",
                "routes[3].script",
                "domains[1]",
                "config.2A",
                "config.LARGE",
                "subscriptions[1].name",
                "subscriptions[1].script",
                "subscriptions[1].on_failure.script",
                "subscriptions[2].name",
            ]
        );
    }

    #[test]
    fn the_bounds_hold() {
        let mut bundle = Bundle {
            scripts: vec![script("a")],
            routes: (0..BUNDLE_ROUTES_MAX)
                .map(|number| route("a", None, &format!("/{number}"), "*"))
                .collect(),
            domains: None,
            config: Some(
                (0..CONFIG_VALUES_MAX)
                    .map(|number| (format!("C{number}"), Value::Null))
                    .collect(),
            ),
            subscriptions: Some(
                (0..BINDINGS_MAX)
                    .map(|number| subscription(&format!("s{number}"), "a", None))
                    .collect(),
            ),
            schedules: Some(Vec::new()),
        };
        assert_eq!(fields(&bundle), [""; 0]);
        bundle.routes.push(route("a", None, "/more", "*"));
        bundle.scripts[0].source = "x".repeat(BUNDLE_SOURCE_BYTES_MAX + 1).into();
        bundle
            .config
            .iter_mut()
            .for_each(|config| drop(config.insert("MORE".to_owned(), Value::Null)));
        bundle
            .subscriptions
            .iter_mut()
            .for_each(|all| all.push(subscription("more", "a", None)));
        assert_eq!(fields(&bundle), ["scripts", "routes", "config", "subscriptions"]);
    }
}
