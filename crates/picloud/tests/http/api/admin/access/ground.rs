//! Everybody and everything that the table of access is about.

use std::cell::{Cell, RefCell};

use serde_json::{Value, json};

use super::attempt::new_broker;
use crate::harness::{Client, OWNER, PASSWORD, TestCloud, items};

/// Who calls: a column of the table.
pub(super) struct Caller {
    pub(super) column: &'static str,
    credentials: Option<(&'static str, &'static str)>,
    client: RefCell<Client>,
}

/// A cloud with an app in which everybody has a role, or has none.
pub(super) struct Ground {
    pub(super) cloud: TestCloud,
    pub(super) callers: Vec<Caller>,
    /// An owner who is in no column, and prepares what others then try.
    maker: Client,
    pub(super) script: String,
    pub(super) route: String,
    pub(super) execution: String,
    /// Somebody with whom things are done.
    pub(super) subject: String,
    /// The accounts by their names.
    ids: Vec<(&'static str, String)>,
    made: Cell<u32>,
}

/// The app in which everybody has a role, or has none.
pub(super) const APP: &str = "here";
/// The domain that it claims.
pub(super) const DOMAIN: &str = "here.test";

/// Accounts: name, role on the instance, and role in [`APP`].
const ACCOUNTS: [(&str, &str, Option<&str>); 10] = [
    ("maker", "owner", None),
    ("reader", "member", Some("viewer")),
    ("subject", "member", Some("viewer")),
    ("deactivated", "owner", None),
    ("member", "member", None),
    ("elsewhere", "member", None),
    ("viewer", "member", Some("viewer")),
    ("editor", "member", Some("editor")),
    ("app_admin", "member", Some("app_admin")),
    ("admin", "admin", None),
];

impl Ground {
    pub(super) fn prepare() -> Self {
        let cloud = TestCloud::start();
        let app = cloud.app_with_domain(APP);
        let script = app.serve("/", "\"hello\"").id;
        let elsewhere = cloud.app("elsewhere").path("/members");
        cloud.get(DOMAIN, "/").says("hello");
        let route = text(&items(cloud.owner().get(&format!("/admin/routes?app={APP}")))[0]["id"]);
        let execution = text(&app.executions("", 1)[0]["id"]);

        let mut ids = Vec::new();
        for (name, role, _) in ACCOUNTS {
            ids.push((name, text(&cloud.account(name, role)["id"])));
        }
        let mut ground = Self {
            callers: Vec::new(),
            maker: cloud.sign_in("maker", PASSWORD),
            subject: String::new(),
            script,
            route,
            execution,
            ids,
            made: Cell::new(0),
            cloud,
        };
        ground.subject = ground.id("subject").to_owned();
        ground.admit_everybody(APP);
        ground.admit(&elsewhere, "elsewhere", "app_admin");
        ground.sign_everybody_in();
        ground.give_out_tokens();
        ground
            .maker
            .patch("/admin/admins/deactivated", &json!({ "is_active": false }))
            .expect(200);
        ground
    }

    /// Who calls in that column.
    pub(super) fn caller(&self, column: &str) -> &Caller {
        let found = self.callers.iter().find(|caller| caller.column == column);
        found.unwrap_or_else(|| panic!("there is no column {column}"))
    }

    /// A name that nothing has yet.
    pub(super) fn fresh(&self, what: &str) -> String {
        self.made.set(self.made.get() + 1);
        format!("{what}-{}", self.made.get())
    }

    /// A new app in which everybody has the role that they have in [`APP`].
    pub(super) fn fresh_app(&self) -> String {
        let slug = self.fresh("app");
        self.make("/admin/apps", &json!({ "slug": slug, "name": slug }));
        self.admit_everybody(&slug);
        slug
    }

    /// The slug of an app that is made now and has a release.
    #[track_caller]
    pub(super) fn fresh_app_with_release(&self) -> String {
        let slug = self.fresh_app();
        let bundle = json!({ "scripts": [{ "name": "first", "source": "1" }], "routes": [] });
        self.maker
            .post(&format!("/admin/apps/{slug}/releases"), &bundle)
            .expect(201);
        slug
    }

    /// The id of what is made now.
    #[track_caller]
    pub(super) fn make(&self, path: &str, body: &Value) -> String {
        text(&self.maker.post(path, body).expect(201).json()["id"])
    }

    /// Has the app keep the key `there`.
    #[track_caller]
    pub(super) fn put_key(&self) {
        let path = format!("/api/v1/admin/apps/{APP}/kv/there");
        let call = self.maker.call("PUT", &path);
        call.json(&json!({ "value": 1 })).send().expect(200);
    }

    /// Gives [`APP`] a mail server of its own.
    #[track_caller]
    pub(super) fn put_mail_server(&self, server: &Value) {
        let path = format!("/admin/apps/{APP}/smtp");
        self.maker.put(&path, server).expect(200);
    }

    /// Leaves [`APP`] without a mail server of its own.
    #[track_caller]
    pub(super) fn take_mail_server_away(&self) {
        let status = self.maker.delete(&format!("/admin/apps/{APP}/smtp")).status;
        assert!(matches!(status, 204 | 404), "{status}");
    }

    /// Gives [`APP`] a broker; gives its name.
    #[track_caller]
    pub(super) fn put_broker(&self, is_used_up: bool) -> String {
        let name = if is_used_up { "gone" } else { "there" };
        let path = format!("/admin/apps/{APP}/brokers/{name}");
        self.maker.put(&path, &new_broker()).expect(200);
        name.to_owned()
    }

    /// Gives [`APP`] one of its `secrets`, or of its `config`.
    #[track_caller]
    pub(super) fn set(&self, kind: &str, name: &str) {
        let path = format!("/admin/apps/{APP}/{kind}/{name}");
        let answer = self.maker.put(&path, &json!({ "value": "a value" }));
        assert!(answer.status < 300, "{}", answer.text());
    }

    /// A new subscription or schedule of [`APP`]: its id. `kinds` is the last part of the path of all.
    #[track_caller]
    pub(super) fn fresh_binding(&self, kinds: &str) -> String {
        let binding = self.new_binding(kinds);
        self.make(&format!("/admin/apps/{APP}/{kinds}"), &binding)
    }

    /// What one is made of.
    pub(super) fn new_binding(&self, kinds: &str) -> Value {
        let mut binding = json!({ "name": self.fresh("binding"), "script_id": self.script });
        if kinds == "subscriptions" {
            binding["topic"] = "nothing.of.it".into();
        } else {
            binding["schedule"] = json!({ "kind": "at", "at": "2040-01-01T00:00:00Z" });
        }
        binding
    }

    /// A new delivery of [`APP`] in this state: its id.
    #[track_caller]
    pub(super) fn fresh_delivery(&self, state: &str) -> String {
        self.cloud
            .existing_app(APP)
            .make_delivery(&self.fresh("delivery"), state)
    }

    /// A new user of [`APP`]: their id.
    #[track_caller]
    pub(super) fn fresh_end_user(&self) -> String {
        let user = json!({ "name": self.fresh("user"), "password": "correct horse" });
        self.make(&format!("/admin/apps/{APP}/users"), &user)
    }

    /// The name of a collection of the app: of a new one if it is to be used up.
    #[track_caller]
    pub(super) fn make_collection(&self, is_new: bool) -> String {
        let name = if is_new {
            self.fresh("c")
        } else {
            "there".to_owned()
        };
        let path = format!("/admin/apps/{APP}/collections");
        let made = self.maker.post(&path, &json!({ "name": name }));
        assert!(matches!(made.status, 201 | 409), "{}", made.status);
        name
    }

    /// The id of a document in the collection `there`.
    #[track_caller]
    pub(super) fn put_document(&self) -> String {
        let name = self.make_collection(false);
        let path = format!("/admin/apps/{APP}/collections/{name}/documents");
        self.make(&path, &json!({ "document": {} }))
    }

    /// Makes the subject a member of [`APP`], or not.
    pub(super) fn admit_subject(&self, is_member: bool) {
        let members = format!("/admin/apps/{APP}/members");
        self.maker
            .delete(&format!("{members}/{}", self.subject))
            .expect(204);
        if is_member {
            self.admit(&members, "subject", "viewer");
        }
    }

    /// A new invitation: its id and its token.
    pub(super) fn invite(&self) -> (String, String) {
        let body = json!({ "username": self.fresh("guest"), "instance_role": "member" });
        let made = self.maker.post("/admin/invitations", &body).expect(201).json();
        (text(&made["id"]), text(&made["token"]))
    }

    /// A new account.
    pub(super) fn fresh_account(&self) -> String {
        let username = self.fresh("somebody");
        self.make(
            "/admin/admins",
            &json!({ "username": username, "password": PASSWORD, "instance_role": "member" }),
        )
    }

    fn id(&self, name: &str) -> &str {
        let found = self.ids.iter().find(|(known, _)| *known == name);
        &found.unwrap_or_else(|| panic!("nobody is called {name}")).1
    }

    fn admit_everybody(&self, app: &str) {
        for (name, _, role) in ACCOUNTS {
            if let Some(role) = role {
                self.admit(&format!("/admin/apps/{app}/members"), name, role);
            }
        }
    }

    fn admit(&self, members: &str, name: &str, role: &str) {
        let body = json!({ "user_id": self.id(name), "role": role });
        self.maker.post(members, &body).expect(201);
    }

    fn sign_everybody_in(&mut self) {
        self.callers.push(Caller {
            column: "anonymous",
            credentials: None,
            client: RefCell::new(self.cloud.anonymous().clone()),
        });
        let members = ACCOUNTS.iter().map(|(name, ..)| (*name, (*name, PASSWORD)));
        let everybody = members.chain([("owner", OWNER)]);
        for (column, credentials) in
            everybody.filter(|(name, _)| !matches!(*name, "maker" | "reader" | "subject"))
        {
            self.callers.push(Caller {
                column,
                credentials: Some(credentials),
                client: RefCell::new(self.cloud.sign_in(credentials.0, credentials.1)),
            });
        }
    }
}

impl Ground {
    /// Tokens of somebody who may do everything, of each kind; one of a viewer, which lets them do no more than they
    /// may; and one that was deleted.
    fn give_out_tokens(&mut self) {
        let reader = self.cloud.sign_in("reader", PASSWORD);
        for (column, maker, limits) in [
            ("owner_token", &self.maker, json!({})),
            ("here_token", &self.maker, json!({ "app": APP })),
            ("other_token", &self.maker, json!({ "app": "elsewhere" })),
            ("editor_token", &self.maker, json!({ "role": "editor" })),
            ("viewer_token", &reader, json!({ "role": "app_admin" })),
            ("ended_token", &self.maker, json!({})),
        ] {
            let mut new = limits;
            new["name"] = column.into();
            let made = maker.post("/admin/tokens", &new).expect(201).json();
            if column == "ended_token" {
                maker
                    .delete(&format!("/admin/tokens/{}", text(&made["id"])))
                    .expect(204);
            }
            let client = self.cloud.anonymous().with_token(&text(&made["token"]));
            self.callers.push(Caller {
                column,
                credentials: None,
                client: RefCell::new(client),
            });
        }
    }
}

impl Caller {
    pub(super) fn client(&self) -> Client {
        self.client.borrow().clone()
    }

    /// Whether they could sign in.
    pub(super) fn is_somebody(&self) -> bool {
        self.credentials.is_some() && self.column != "deactivated"
    }

    pub(super) fn password(&self) -> &str {
        self.credentials.map_or(PASSWORD, |(_, password)| password)
    }

    /// Signs in once more, beside the session that they have.
    pub(super) fn sign_in(&self, ground: &Ground) -> Client {
        match self.credentials.filter(|_| self.is_somebody()) {
            Some((username, password)) => ground.cloud.sign_in(username, password),
            None => self.client(),
        }
    }

    /// Goes on with a new session, because the old one may have ended.
    pub(super) fn sign_in_again(&self, ground: &Ground) {
        let client = self.sign_in(ground);
        self.client.replace(client);
    }
}

#[track_caller]
fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}
