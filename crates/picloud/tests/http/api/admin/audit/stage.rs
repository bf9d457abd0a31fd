//! Where something is done.

use std::cell::{OnceCell, RefCell};

use serde_json::{Value, json};

use crate::{
    harness::{App, Call, Client, OWNER, PASSWORD, TestCloud, items, totp},
    process::in_flight::{SPIN, serve, strike},
};

pub(super) const NEW_PASSWORD: &str = "an entirely new password";

/// An app of its own, an owner with a session of their own, and somebody else if an act wants one.
pub(super) struct Stage<'c> {
    owner: Client,
    pub(super) app: App<'c>,
    number: usize,
    person: OnceCell<Client>,
    /// Whether who acts is not the owner.
    is_own: OnceCell<()>,
    secrets: RefCell<Vec<String>>,
}

impl<'c> Stage<'c> {
    pub(super) fn new(cloud: &'c TestCloud, number: usize) -> Self {
        let owner = cloud.sign_in(OWNER.0, OWNER.1);
        Self {
            secrets: RefCell::new(vec![owner.token().to_owned()]),
            owner,
            app: cloud.app(&format!("stage-{number}")),
            number,
            person: OnceCell::new(),
            is_own: OnceCell::new(),
        }
    }

    /// The name of who acted.
    pub(super) fn actor(&self) -> String {
        if self.is_own.get().is_some() {
            self.name()
        } else {
            OWNER.0.to_owned()
        }
    }

    /// All secrets that came by.
    pub(super) fn secrets(self) -> Vec<String> {
        self.secrets.into_inner()
    }

    /// Does something that works, as the owner.
    pub(super) fn change(&self, method: &str, path: &str, body: &Value) -> Value {
        self.send(self.owner.call(method, &format!("/api/v1{path}")), body)
    }

    /// The same as somebody who is there for this act.
    pub(super) fn as_person(&self, method: &str, path: &str, body: &Value) -> Value {
        self.is_own.get_or_init(|| ());
        let person = self.person.get().expect("somebody is there");
        self.send(person.call(method, &format!("/api/v1{path}")), body)
    }

    /// The same as somebody who becomes who acts by it.
    pub(super) fn anonymously(&self, method: &str, path: &str, body: &Value) -> Value {
        self.is_own.get_or_init(|| ());
        let anybody = self.app.cloud.anonymous();
        self.send(anybody.call(method, &format!("/api/v1{path}")), body)
    }

    fn send(&self, call: Call<'_>, body: &Value) -> Value {
        let call = if body.is_null() { call } else { call.json(body) };
        let answer = call.send();
        assert!(
            (200..300).contains(&answer.status),
            "{}: {}",
            answer.request,
            answer.text()
        );
        if answer.body.is_empty() {
            return Value::Null;
        }
        let answer = answer.json();
        let codes = answer["recovery_codes"].as_array().into_iter().flatten();
        let secrets = [&answer["token"], &answer["secret"]].into_iter().chain(codes);
        let secrets = secrets.filter_map(Value::as_str).map(str::to_owned);
        self.secrets.borrow_mut().extend(secrets);
        answer
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Value {
        self.change("POST", path, body)
    }

    pub(super) fn patch(&self, path: &str, body: &Value) {
        self.change("PATCH", path, body);
    }

    pub(super) fn put(&self, path: &str, body: &Value) {
        self.change("PUT", path, body);
    }

    pub(super) fn delete(&self, path: &str) {
        self.change("DELETE", path, &Value::Null);
    }

    /// A name that nobody else has.
    pub(super) fn name(&self) -> String {
        format!("new-{}", self.number)
    }

    pub(super) fn script(&self) -> String {
        let script = self.app.script("hello", "1");
        script.save("2");
        script.id
    }

    pub(super) fn route(&self) -> String {
        let path = json!({ "script_id": self.script(), "path": "/", "methods": ["GET"] });
        id(&self.post("/admin/routes", &path))
    }

    pub(super) fn domain(&self) -> String {
        id(&self.app.domain(&format!("{}.test", self.app.slug)))
    }

    pub(super) fn key(&self) -> String {
        self.change("PUT", &self.app.path("/kv/old"), &json!({ "value": "old" }));
        "old".to_owned()
    }

    /// The path of a secret, which counts among those that nothing tells.
    pub(super) fn secret(&self) -> String {
        let path = self.app.path("/secrets/KEY");
        self.change("PUT", &path, &json!({ "value": "a fine canary" }));
        self.secrets.borrow_mut().push("a fine canary".to_owned());
        path
    }

    pub(super) fn mail_server(&self) -> String {
        let path = self.app.path("/smtp");
        let server = json!({ "host": "mail.example.com", "security": "starttls", "username": "shop",
            "password": "a mail canary", "from": ["shop@example.com"] });
        self.change("PUT", &path, &server);
        let mut secrets = self.secrets.borrow_mut();
        secrets.extend(["a mail canary", "another canary"].map(str::to_owned));
        drop(secrets);
        path
    }

    /// The path of a broker that nobody tries to connect to.
    pub(super) fn broker(&self) -> String {
        let path = self.app.path("/brokers/home");
        let broker = json!({ "url": "mqtt://broker.example.com", "username": "shop", "is_paused": true,
            "password": "a broker canary" });
        self.change("PUT", &path, &broker);
        let mut secrets = self.secrets.borrow_mut();
        secrets.extend(["a broker canary", "another broker canary"].map(str::to_owned));
        drop(secrets);
        path
    }

    pub(super) fn end_user(&self) -> String {
        id(&self.post(
            &self.app.path("/users"),
            &json!({ "name": "Old", "password": NEW_PASSWORD }),
        ))
    }

    /// The path of a value of the configuration.
    pub(super) fn config(&self) -> String {
        let path = self.app.path("/config/KEY");
        self.change("PUT", &path, &json!({ "value": 1 }));
        path
    }

    /// The path of a subscription or a schedule; `kinds` is the last part of the path of all.
    pub(super) fn binding(&self, kinds: &str) -> String {
        let path = self.app.path(&format!("/{kinds}"));
        let mut binding = json!({ "name": "old", "script_id": self.script() });
        if kinds == "subscriptions" {
            binding["topic"] = "orders.*".into();
        } else {
            binding["schedule"] = json!({ "kind": "at", "at": "2040-01-01T00:00:00Z" });
        }
        let made = id(&self.post(&path, &binding));
        format!("{path}/{made}")
    }

    /// The path of a delivery in this state.
    pub(super) fn delivery(&self, state: &str) -> String {
        let id = self.app.make_delivery("delivered", state);
        self.app.path(&format!("/deliveries/{id}"))
    }

    pub(super) fn collection(&self) -> String {
        self.post(&self.app.path("/collections"), &json!({ "name": "old" }));
        "old".to_owned()
    }

    /// The path of a document.
    pub(super) fn document(&self) -> String {
        let name = self.collection();
        let path = self.app.path(&format!("/collections/{name}/documents"));
        let made = id(&self.post(&path, &json!({ "document": { "a": 1 } })));
        format!("{path}/{made}")
    }

    pub(super) fn account(&self) -> String {
        id(&self.app.cloud.account(&self.name(), "member"))
    }

    pub(super) fn member(&self) -> String {
        let account = self.account();
        self.app.admit(&account, "viewer");
        account
    }

    /// Another session of the owner.
    pub(super) fn session(&self) -> String {
        let other = self.app.cloud.sign_in(OWNER.0, OWNER.1);
        let sessions = items(other.get("/admin/auth/sessions?limit=200"));
        let current = sessions.iter().find(|session| session["current"] == true);
        id(current.expect("the session that asks is listed"))
    }

    pub(super) fn invitation(&self) -> Value {
        let guest = json!({ "username": self.name(), "instance_role": "member" });
        self.post("/admin/invitations", &guest)
    }

    pub(super) fn token(&self) -> Value {
        let token = json!({ "name": self.name() });
        self.post("/admin/tokens", &token)
    }

    /// Somebody who signed in; gives their id.
    pub(super) fn person(&self) -> String {
        let account = self.account();
        let client = self.app.cloud.sign_in(&self.name(), PASSWORD);
        self.secrets.borrow_mut().push(client.token().to_owned());
        self.person.get_or_init(|| client);
        account
    }

    /// Somebody with a second factor that waits for a code; gives its secret.
    pub(super) fn proposed_factor(&self) -> String {
        self.person();
        let begun = self.as_person("POST", "/admin/auth/totp", &json!({ "password": PASSWORD }));
        begun["secret"].as_str().expect("a secret").to_owned()
    }

    pub(super) fn confirm_factor(&self, secret: &str) {
        let code = json!({ "code": totp(secret, 0) });
        self.as_person("POST", "/admin/auth/totp:confirm", &code);
    }

    /// Somebody with a second factor in force; gives its secret.
    pub(super) fn factor(&self) -> String {
        let secret = self.proposed_factor();
        self.confirm_factor(&secret);
        secret
    }

    /// A script that ended the server twice.
    pub(super) fn suspended_script(&self) -> String {
        self.app.domain("a.test");
        let script = serve(&self.app, "spin", SPIN);
        while strike(&script, "/spin?spin=yes")["suspended"].is_null() {}
        script.id
    }
}

pub(super) fn id(thing: &Value) -> String {
    thing["id"].as_str().expect("an id").to_owned()
}

/// What needs nothing before.
pub(super) fn nothing(_: &Stage<'_>) -> String {
    String::new()
}
