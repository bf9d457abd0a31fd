//! An app and its scripts, made through the API by the owner.

use serde_json::{Value, json};

use super::{Answer, TestCloud};

/// An app on a cloud.
pub(crate) struct App<'c> {
    pub(crate) cloud: &'c TestCloud,
    pub(crate) id: String,
    pub(crate) slug: String,
}

/// A script of an app.
pub(crate) struct Script<'c> {
    pub(crate) cloud: &'c TestCloud,
    pub(crate) id: String,
}

impl<'c> App<'c> {
    /// The app that the API describes like this.
    pub(crate) fn new(cloud: &'c TestCloud, app: &Value) -> Self {
        Self {
            cloud,
            id: text(app, "id"),
            slug: text(app, "slug"),
        }
    }

    /// `/admin/apps/<slug><rest>`.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/admin/apps/{}{rest}", self.slug)
    }

    /// Claims a domain; gives the claim.
    #[track_caller]
    pub(crate) fn domain(&self, pattern: &str) -> Value {
        self.try_domain(pattern).expect(201).json()
    }

    /// The answer to a try to claim a domain.
    #[track_caller]
    pub(crate) fn try_domain(&self, pattern: &str) -> Answer {
        self.cloud
            .owner()
            .post(&self.path("/domains"), &json!({ "pattern": pattern }))
    }

    /// A new script.
    #[track_caller]
    pub(crate) fn script(&self, name: &str, source: &str) -> Script<'c> {
        self.script_with(json!({ "name": name, "source": source }))
    }

    /// A new script from these fields; `app_id` is added.
    #[track_caller]
    pub(crate) fn script_with(&self, fields: Value) -> Script<'c> {
        let script = self.try_script(fields).expect(201).json();
        Script {
            cloud: self.cloud,
            id: text(&script, "id"),
        }
    }

    /// The answer to a try to make a script.
    #[track_caller]
    pub(crate) fn try_script(&self, mut fields: Value) -> Answer {
        fields["app_id"] = self.id.as_str().into();
        self.cloud.owner().post("/admin/scripts", &fields)
    }

    /// A script with a route of its own that answers every method on `path`, on every host of the app.
    #[track_caller]
    pub(crate) fn serve(&self, path: &str, source: &str) -> Script<'c> {
        let name = format!("s{}", path.replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
        let script = self.script(&name, source);
        script.route(path, &["*"]);
        script
    }

    /// The app's execution records, once there are at least `count`. Records are written shortly after the
    /// answer, so this asks until they are there.
    #[track_caller]
    pub(crate) fn executions(&self, query: &str, count: usize) -> Vec<Value> {
        let start = std::time::Instant::now();
        loop {
            let found =
                super::cloud::items(self.cloud.owner().get(&self.path(&format!("/executions{query}"))));
            if found.len() >= count {
                return found;
            }
            assert!(
                start.elapsed() < super::WAIT_MAX,
                "only {} records: {found:#?}",
                found.len()
            );
        }
    }
}

impl App<'_> {
    /// One of the app's deliveries, once it is in this state.
    #[track_caller]
    pub(crate) fn delivery(&self, id: &str, state: &str) -> Value {
        let path = self.path(&format!("/deliveries/{id}"));
        let start = std::time::Instant::now();
        loop {
            let found = self.cloud.owner().get(&path).expect(200).json();
            if found["state"] == state {
                return found;
            }
            assert!(start.elapsed() < super::WAIT_MAX, "not {state}: {found:#}");
        }
    }

    /// A new delivery, to a script of this name, that waits for long, or one that is dead: its id.
    #[track_caller]
    pub(crate) fn make_delivery(&self, name: &str, state: &str) -> String {
        let source = if state == "dead" {
            "retry::never(\"no\")"
        } else {
            "retry::after(3600, \"later\")"
        };
        let path = format!("/api/v1/execute/{}", self.script(name, source).id);
        let call = self.cloud.call("POST", "localhost", &path);
        let accepted = call.header("prefer", "respond-async").send().expect(202).json();
        let id = text(&accepted, "invocation_id");
        self.delivery(&id, state);
        id
    }
}

impl Script<'_> {
    /// `/admin/scripts/<id><rest>`.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/admin/scripts/{}{rest}", self.id)
    }

    /// A route to it on every host of the app.
    #[track_caller]
    pub(crate) fn route(&self, path: &str, methods: &[&str]) -> Value {
        self.try_route(json!({ "path": path, "methods": methods }))
            .expect(201)
            .json()
    }

    /// A route to it on one host, or on those that a pattern describes.
    #[track_caller]
    pub(crate) fn route_on(&self, host: &str, path: &str, methods: &[&str]) -> Value {
        self.try_route(json!({ "host": host, "path": path, "methods": methods }))
            .expect(201)
            .json()
    }

    /// The answer to a try to make a route; `script_id` is added.
    #[track_caller]
    pub(crate) fn try_route(&self, mut fields: Value) -> Answer {
        fields["script_id"] = self.id.as_str().into();
        self.cloud.owner().post("/admin/routes", &fields)
    }

    /// A new version of it, at once live.
    #[track_caller]
    pub(crate) fn save(&self, source: &str) -> Value {
        self.try_save(source).expect(200).json()
    }

    /// The answer to a try to save a new version.
    #[track_caller]
    pub(crate) fn try_save(&self, source: &str) -> Answer {
        self.cloud
            .owner()
            .patch(&self.path(""), &json!({ "source": source }))
    }

    /// Runs it, whatever the host.
    #[track_caller]
    pub(crate) fn execute(&self) -> Answer {
        self.cloud
            .anonymous()
            .call("GET", &format!("/api/v1/execute/{}", self.id))
            .send()
    }
}

/// A field that is text.
#[track_caller]
fn text(object: &Value, field: &str) -> String {
    object[field]
        .as_str()
        .unwrap_or_else(|| panic!("no text `{field}` in {object}"))
        .to_owned()
}
