//! PiCloud's API, as far as benchmarks need it.

use anyhow::Context as _;
use serde_json::{Value, json};
use ureq::Agent;

use super::process::{OWNER, Server};

/// The owner, signed in.
#[derive(Clone)]
pub(crate) struct Api {
    agent: Agent,
    base: String,
    bearer: String,
}

impl Api {
    /// Signs in.
    pub(crate) fn sign_in(server: &Server) -> anyhow::Result<Self> {
        let mut api = Self {
            agent: Agent::new_with_defaults(),
            base: format!("http://{}/api/v1/admin", server.address),
            bearer: String::new(),
        };
        let login = json!({ "username": OWNER.0, "password": OWNER.1 });
        let session = api.post("/auth/login", &login)?;
        api.bearer = format!("Bearer {}", text(&session, "token")?);
        Ok(api)
    }

    /// Makes an account.
    pub(crate) fn account(&self, username: &str, is_active: bool) -> anyhow::Result<()> {
        let account = json!({
            "username": username, "password": "a password of its own", "instance_role": "member",
            "is_active": is_active,
        });
        self.post("/admins", &account).map(|_| ())
    }

    /// Makes an app that claims `host`.
    pub(crate) fn app(&self, slug: &str, host: &str) -> anyhow::Result<()> {
        self.post("/apps", &json!({ "slug": slug, "name": slug }))?;
        self.post(&format!("/apps/{slug}/domains"), &json!({ "pattern": host }))?;
        Ok(())
    }

    /// Makes a script, and returns its id.
    pub(crate) fn script(&self, app: &str, name: &str, source: &str) -> anyhow::Result<String> {
        let script = json!({ "app_id": app, "name": name, "source": source });
        text(&self.post("/scripts", &script)?, "id")
    }

    /// Makes a script that may use as much as `limits` say.
    pub(crate) fn script_within(
        &self,
        app: &str,
        name: &str,
        source: &str,
        limits: &Value,
    ) -> anyhow::Result<String> {
        let script = json!({ "app_id": app, "name": name, "source": source, "limits": limits });
        text(&self.post("/scripts", &script)?, "id")
    }

    /// Makes a route for every method.
    pub(crate) fn route(&self, script: &str, path: &str) -> anyhow::Result<()> {
        let route = json!({ "script_id": script, "path": path, "methods": ["*"] });
        self.post("/routes", &route).map(|_| ())
    }

    /// Makes a collection of documents with indexes on these paths.
    pub(crate) fn collection(&self, app: &str, name: &str, paths: &[&str]) -> anyhow::Result<()> {
        let indexes: Vec<_> = paths.iter().map(|path| json!({ "path": path })).collect();
        let collection = json!({ "name": name, "indexes": indexes });
        self.post(&format!("/apps/{app}/collections"), &collection)
            .map(|_| ())
    }

    /// Saves a new source.
    pub(crate) fn save(&self, script: &str, source: &str) -> anyhow::Result<()> {
        let request = self.agent.patch(format!("{}/scripts/{script}", self.base));
        let mut answer = request
            .header("authorization", &self.bearer)
            .send_json(json!({ "source": source }))?;
        answer.body_mut().read_to_string()?;
        Ok(())
    }

    /// Has a script of an app run for each event with a topic.
    pub(crate) fn subscribe(&self, app: &str, topic: &str, script: &str) -> anyhow::Result<()> {
        let subscription = json!({ "name": topic, "topic": topic, "script_id": script });
        self.post(&format!("/apps/{app}/subscriptions"), &subscription)
            .map(|_| ())
    }

    /// Publishes events in a batch, as `CloudEvents` say it.
    pub(crate) fn publish(&self, app: &str, events: &Value) -> anyhow::Result<()> {
        let public = self.base.trim_end_matches("/admin");
        let request = self.agent.post(format!("{public}/apps/{app}/events"));
        let mut answer = request
            .header("authorization", &self.bearer)
            .content_type("application/cloudevents-batch+json")
            .send(events.to_string())?;
        answer.body_mut().read_to_string()?;
        Ok(())
    }

    /// Makes all of an app at once.
    pub(crate) fn bundle(&self, app: &str, bundle: &Value) -> anyhow::Result<()> {
        self.post(&format!("/apps/{app}/releases"), bundle).map(|_| ())
    }

    /// What is at a path.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Value> {
        let request = self.agent.get(format!("{}{path}", self.base));
        let answer = request.header("authorization", &self.bearer).call();
        let mut answer = answer.with_context(|| format!("GET {path}"))?;
        Ok(answer.body_mut().read_json()?)
    }

    fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.agent.post(format!("{}{path}", self.base));
        let mut answer = request
            .header("authorization", &self.bearer)
            .send_json(body)
            .with_context(|| format!("POST {path}"))?;
        Ok(answer.body_mut().read_json()?)
    }
}

fn text(value: &Value, field: &str) -> anyhow::Result<String> {
    let text = value[field].as_str();
    Ok(text.with_context(|| format!("no {field} in {value}"))?.to_owned())
}
