//! `GET /api/v1/admin/audit`, `POST /api/v1/admin/audit:verify`, `picloud audit verify`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{App, Client, OWNER, PASSWORD, TestCloud, items};

/// The whole log, newest first.
#[track_caller]
fn log(cloud: &TestCloud, query: &str) -> Vec<Value> {
    items(cloud.owner().get(&format!("/admin/audit?limit=200{query}")))
}

fn actions<'r>(records: &'r [Value]) -> Vec<&'r str> {
    let action = |record: &'r Value| record["action"].as_str().expect("an action");
    records.iter().map(action).collect()
}

#[track_caller]
fn verify(cloud: &TestCloud) -> Value {
    let verdict = cloud
        .owner()
        .post("/admin/audit:verify", &json!({}))
        .expect(200)
        .json();
    assert_eq!(verdict["valid"], true, "{verdict}");
    verdict
}

#[test]
fn a_record_says_who_did_what_and_from_where() {
    let cloud = TestCloud::start();
    let me = cloud.owner().get("/admin/auth/me").expect(200).json();
    let body = json!({ "slug": "shop", "name": "Shop", "description": "sells" });
    let made = cloud.owner().post("/admin/apps", &body).expect(201);
    let record = log(&cloud, "&target=shop").remove(0);
    let app = made.json()["id"].clone();
    assert_eq!(record["action"], "create_app");
    assert_eq!(record["outcome"], "allowed");
    assert_eq!(record["actor"]["id"], me["id"]);
    assert_eq!(record["actor"]["username"], OWNER.0);
    assert_eq!(record["actor"]["via"], "session");
    assert_eq!(record["address"], "127.0.0.1");
    assert_eq!(record["request_id"].as_str(), made.header("x-request-id"));
    assert_eq!(record["app_id"], app);
    assert_eq!(
        record["target"],
        json!({ "kind": "app", "id": app, "name": "shop" })
    );
    assert_eq!(record["before"], Value::Null);
    assert_eq!(
        record["after"],
        json!({ "slug": "shop", "name": "Shop", "description": "sells" })
    );
    assert_eq!(record["attempts"], 1);
    verify(&cloud);
}

#[test]
fn the_log_is_listed_by_filters_and_in_pages() {
    let cloud = TestCloud::start();
    let shop = cloud.app("shop");
    let blog = cloud.app("blog");
    let hello = shop.script("hello", "1");
    cloud.log_in("nobody", "wrong password").expect(401);

    for app in [&shop.slug, &shop.id] {
        let records = log(&cloud, &format!("&app={app}"));
        assert_eq!(actions(&records), ["create_script", "create_app"]);
    }
    assert_eq!(actions(&log(&cloud, "&outcome=denied")), ["log_in"]);
    assert_eq!(
        actions(&log(&cloud, &format!("&target={}", hello.id))),
        ["create_script"]
    );
    let by_ada = log(&cloud, "&actor=ADA&action=create_app");
    assert_eq!(actions(&by_ada), ["create_app", "create_app"]);
    assert_eq!(by_ada[0]["app_id"].as_str(), Some(&*blog.id));
    let ada = by_ada[0]["actor"]["id"].as_str().expect("an id");
    assert_eq!(log(&cloud, &format!("&actor={ada}&action=create_app")), by_ada);
    let until = by_ada[0]["at"].as_str().expect("a moment");
    let earlier = log(&cloud, &format!("&action=create_app&actor=ada&until={until}"));
    assert_eq!(earlier.len(), 1, "{earlier:?}");

    let all = log(&cloud, "");
    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = cloud
            .owner()
            .get(&format!("/admin/audit?limit=2{cursor}"))
            .expect(200)
            .json();
        paged.extend(page["items"].as_array().cloned().unwrap_or_default());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(paged, all);

    // The log of an app that is gone.
    cloud.owner().delete(&shop.path("?force=true")).expect(204);
    let gone = log(&cloud, &format!("&app={}", shop.id));
    assert_eq!(actions(&gone), ["delete_app", "create_script", "create_app"]);
    cloud
        .owner()
        .get("/admin/audit?app=no-such-app")
        .problem(404, "not_found");
    let owner = cloud.owner();
    for wrong in ["outcome=maybe", "since=now", "what=ever", "limit=0"] {
        owner
            .get(&format!("/admin/audit?{wrong}"))
            .problem(422, "validation_failed");
    }
}

/// Where something is done: an app of its own, and an owner with a session of their own.
struct Stage<'c> {
    owner: Client,
    app: App<'c>,
    number: usize,
}

impl<'c> Stage<'c> {
    fn new(cloud: &'c TestCloud, number: usize) -> Self {
        Self {
            owner: cloud.sign_in(OWNER.0, OWNER.1),
            app: cloud.app(&format!("stage-{number}")),
            number,
        }
    }

    /// Does something that works.
    fn change(&self, method: &str, path: &str, body: &Value) -> Value {
        let call = self.owner.call(method, &format!("/api/v1{path}"));
        let call = if body.is_null() { call } else { call.json(body) };
        let answer = call.send();
        assert!(
            (200..300).contains(&answer.status),
            "{}: {}",
            answer.request,
            answer.text()
        );
        if answer.body.is_empty() {
            Value::Null
        } else {
            answer.json()
        }
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.change("POST", path, body)
    }

    fn patch(&self, path: &str, body: &Value) {
        self.change("PATCH", path, body);
    }

    fn delete(&self, path: &str) {
        self.change("DELETE", path, &Value::Null);
    }

    /// A name that nobody else has.
    fn name(&self) -> String {
        format!("new-{}", self.number)
    }

    fn script(&self) -> String {
        let script = self.app.script("hello", "1");
        script.save("2");
        script.id
    }

    fn route(&self) -> String {
        let path = json!({ "script_id": self.script(), "path": "/", "methods": ["GET"] });
        id(&self.post("/admin/routes", &path))
    }

    fn domain(&self) -> String {
        id(&self.app.domain(&format!("{}.test", self.app.slug)))
    }

    fn account(&self) -> String {
        id(&self.app.cloud.account(&self.name(), "member"))
    }

    fn member(&self) -> String {
        let account = self.account();
        self.app.admit(&account, "viewer");
        account
    }

    /// Another session of the owner.
    fn session(&self) -> String {
        let other = self.app.cloud.sign_in(OWNER.0, OWNER.1);
        let sessions = items(other.get("/admin/auth/sessions?limit=200"));
        let current = sessions.iter().find(|session| session["current"] == true);
        id(current.expect("the session that asks is listed"))
    }

    fn invitation(&self) -> Value {
        let guest = json!({ "username": self.name(), "instance_role": "member" });
        self.post("/admin/invitations", &guest)
    }
}

fn id(thing: &Value) -> String {
    thing["id"].as_str().expect("an id").to_owned()
}

/// One operation: what must be there before, and what is then done with it.
type Act = (&'static str, fn(&Stage<'_>) -> String, fn(&Stage<'_>, &str));

/// What needs nothing before.
fn nothing(_: &Stage<'_>) -> String {
    String::new()
}

/// Every operation that changes something.
const ACTS: &[Act] = &[
    ("create_app", nothing, |on, _| {
        on.post("/admin/apps", &json!({ "slug": on.name(), "name": "New" }));
    }),
    ("update_app", nothing, |on, _| {
        on.patch(&on.app.path(""), &json!({ "slug": on.name() }));
    }),
    (
        "delete_app",
        |on| on.script(),
        |on, _| {
            on.delete(&on.app.path("?force=true"));
        },
    ),
    ("add_domain", nothing, |on, _| {
        on.post(&on.app.path("/domains"), &json!({ "pattern": "new.test" }));
    }),
    (
        "remove_domain",
        |on| on.domain(),
        |on, domain| {
            on.delete(&on.app.path(&format!("/domains/{domain}")));
        },
    ),
    ("create_script", nothing, |on, _| {
        let script = json!({ "app_id": on.app.id, "name": "new", "source": "1" });
        on.post("/admin/scripts", &script);
    }),
    (
        "update_script",
        |on| on.script(),
        |on, script| {
            let better = json!({ "source": "3", "note": "better" });
            on.patch(&format!("/admin/scripts/{script}"), &better);
        },
    ),
    (
        "roll_back_script",
        |on| on.script(),
        |on, script| {
            on.post(
                &format!("/admin/scripts/{script}/rollback"),
                &json!({ "version": 1 }),
            );
        },
    ),
    (
        "delete_script",
        |on| on.script(),
        |on, script| {
            on.delete(&format!("/admin/scripts/{script}"));
        },
    ),
    (
        "create_route",
        |on| on.script(),
        |on, script| {
            let route = json!({ "script_id": script, "path": "/new", "methods": ["GET"] });
            on.post("/admin/routes", &route);
        },
    ),
    (
        "update_route",
        |on| on.route(),
        |on, route| {
            on.patch(&format!("/admin/routes/{route}"), &json!({ "path": "/other" }));
        },
    ),
    (
        "delete_route",
        |on| on.route(),
        |on, route| {
            on.delete(&format!("/admin/routes/{route}"));
        },
    ),
    ("create_release", nothing, |on, _| {
        let bundle = json!({ "scripts": [{ "name": "deployed", "source": "1" }], "routes": [] });
        on.post(&on.app.path("/releases"), &bundle);
    }),
    (
        "restore_release",
        |on| on.script(),
        |on, _| {
            on.post(&on.app.path("/releases/1:restore"), &json!({ "note": "back" }));
        },
    ),
    (
        "add_member",
        |on| on.account(),
        |on, account| {
            on.app.admit(account, "viewer");
        },
    ),
    (
        "update_member",
        |on| on.member(),
        |on, member| {
            let path = on.app.path(&format!("/members/{member}"));
            on.patch(&path, &json!({ "role": "editor" }));
        },
    ),
    (
        "remove_member",
        |on| on.member(),
        |on, member| {
            on.delete(&on.app.path(&format!("/members/{member}")));
        },
    ),
    ("create_user", nothing, |on, _| {
        on.account();
    }),
    (
        "update_user",
        |on| on.account(),
        |on, account| {
            let email = json!({ "email": "new@example.com" });
            on.patch(&format!("/admin/admins/{account}"), &email);
        },
    ),
    (
        "delete_user",
        |on| on.account(),
        |on, account| {
            on.delete(&format!("/admin/admins/{account}"));
        },
    ),
    ("log_out", nothing, |on, _| {
        on.change("POST", "/admin/auth/logout", &Value::Null);
    }),
    (
        "delete_session",
        |on| on.session(),
        |on, session| {
            on.delete(&format!("/admin/auth/sessions/{session}"));
        },
    ),
    ("begin_totp", nothing, |on, _| {
        on.post("/admin/auth/totp", &json!({ "password": OWNER.1 }));
    }),
    ("create_invitation", nothing, |on, _| {
        on.invitation();
    }),
    (
        "delete_invitation",
        |on| id(&on.invitation()),
        |on, invitation| {
            on.delete(&format!("/admin/invitations/{invitation}"));
        },
    ),
];

/// Operations that cannot be done alone, or as this owner. A script must have ended the server twice before there is
/// anything to resume, and who accepts an invitation is nobody before; that these and tokens leave their records, too,
/// stands in the tests of storage. What concerns an account as a whole is in the test below.
const WITHOUT_ACT: &[&str] = &[
    "accept_invitation",
    "change_password",
    "confirm_totp",
    "create_token",
    "delete_sessions",
    "delete_token",
    "disable_totp",
    "renew_recovery_codes",
    "resume_script",
];

#[test]
fn every_operation_that_changes_something_leaves_one_record() {
    let cloud = TestCloud::start();
    let document = cloud.get("localhost", "/api/v1/openapi.json").expect(200).json();
    let operations = document["paths"].as_object().expect("paths").values();
    let changing: BTreeSet<&str> = operations
        .flat_map(|item| item.as_object().expect("operations").values())
        .filter(|operation| operation["x-effect"] == "changes")
        .filter_map(|operation| operation["operationId"].as_str())
        .collect();
    let acts: BTreeSet<&str> = ACTS.iter().map(|(action, ..)| *action).collect();
    assert_eq!(
        changing.difference(&acts).copied().collect::<Vec<_>>(),
        WITHOUT_ACT,
        "what changes something is in the audit log, and in this test"
    );

    for (number, (action, prepare, act)) in ACTS.iter().enumerate() {
        let stage = Stage::new(&cloud, number);
        let thing = prepare(&stage);
        let before = verify(&cloud)["records"].as_u64().expect("a number");
        act(&stage, &thing);
        let after = verify(&cloud)["records"].as_u64().expect("a number");
        assert_eq!(after, before + 1, "{action}");
        let newest = cloud.owner().get("/admin/audit?limit=1").expect(200).json();
        let newest = &newest["items"][0];
        assert_eq!(newest["action"], *action, "{newest}");
        assert_eq!(newest["actor"]["username"], OWNER.0, "{action}: {newest}");
        assert_eq!(newest["outcome"], "allowed", "{action}");
    }
}

#[test]
fn what_concerns_an_account_leaves_its_records_without_secrets() {
    let cloud = TestCloud::start();
    let eve = cloud.person("eve", "member");
    let other = cloud.sign_in("eve", PASSWORD);
    let secret = eve
        .client
        .post("/admin/auth/totp", &json!({ "password": PASSWORD }))
        .expect(201)
        .json();
    let secret = secret["secret"].as_str().expect("a secret").to_owned();
    let new = "an entirely new password";
    let change = json!({ "current_password": PASSWORD, "new_password": new });
    eve.client.post("/admin/auth/password", &change).expect(204);
    eve.client.delete("/admin/auth/sessions").expect(204);

    let records = log(&cloud, "&actor=eve");
    let mut done = actions(&records);
    done.reverse();
    assert_eq!(
        done,
        [
            "log_in",
            "log_in",
            "begin_totp",
            "change_password",
            "delete_sessions"
        ]
    );
    let text = format!("{:?}", log(&cloud, ""));
    let secrets = [
        PASSWORD,
        new,
        &secret,
        eve.client.token(),
        other.token(),
        "argon2",
    ];
    for secret in secrets {
        assert!(!text.contains(secret), "`{secret}` is in the audit log");
    }
    verify(&cloud);
}

#[test]
fn an_app_admin_sees_the_log_of_their_app_alone() {
    let cloud = TestCloud::start();
    let (shop, blog) = (cloud.app("shop"), cloud.app("blog"));
    let eve = cloud.person("eve", "member");
    shop.admit(&eve.id, "app_admin");
    blog.admit(&eve.id, "editor");
    let records = items(eve.client.get("/admin/audit?app=shop&limit=200"));
    assert_eq!(actions(&records), ["add_member", "create_app"]);

    eve.client.get("/admin/audit").problem(403, "forbidden");
    eve.client.get("/admin/audit?app=blog").problem(403, "forbidden");
    cloud.app("other");
    eve.client.get("/admin/audit?app=other").problem(404, "not_found");
    let denied = log(&cloud, "&outcome=denied&actor=eve");
    assert_eq!(actions(&denied), ["list_audit", "list_audit"]);
    assert_eq!(denied[0]["app_id"].as_str(), Some(&*blog.id));
    assert_eq!(denied[0]["reason"], "forbidden");
    assert_eq!(denied[1]["app_id"], Value::Null);

    let bob = cloud.person("bob", "admin");
    let whole = items(bob.client.get("/admin/audit?limit=200&outcome=denied"));
    assert_eq!(whole, denied);
    assert_eq!(items(bob.client.get("/admin/audit?limit=200&app=shop")), records);
}

#[test]
fn what_changes_nothing_leaves_no_record() {
    let cloud = TestCloud::start();
    let app = cloud.app("shop");
    let script = app.script("hello", "1");
    let before = verify(&cloud)["records"].clone();
    let owner = cloud.owner();
    owner
        .patch(&script.path(""), &json!({ "name": "hello" }))
        .expect(200);
    owner
        .post("/admin/apps", &json!({ "slug": "shop", "name": "Shop" }))
        .problem(409, "slug_taken");
    script.try_save("let").problem(422, "script_invalid");
    owner.get(&app.path("/routes")).expect(404);
    assert_eq!(verify(&cloud)["records"], before);
}

#[test]
fn failed_sign_ins_and_wrong_setup_codes_leave_records() {
    let cloud = TestCloud::with().without_owner().start();
    let setup = |code: &str| {
        let body = json!({ "code": code, "username": OWNER.0, "password": OWNER.1 });
        cloud.anonymous().post("/admin/setup", &body)
    };
    setup("ABCD-EFGH-JKMN").problem(403, "invalid_setup_code");
    let code = cloud.process().announced("Setup code");
    setup(&code).expect(201);
    cloud.log_in(OWNER.0, "a wrong password").expect(401);
    cloud.log_in("a-password-as-a-name", OWNER.1).expect(401);

    let denied = log(&cloud, "&outcome=denied");
    assert_eq!(actions(&denied), ["log_in", "log_in", "set_up"]);
    for record in &denied {
        assert_eq!(record["chain"], "denials");
        assert_eq!(record["actor"]["id"], Value::Null);
        assert_eq!(record["actor"]["via"], "entrance");
        assert_eq!(record["address"], "127.0.0.1");
    }
    assert_eq!(denied[0]["reason"], "invalid_credentials");
    assert_eq!(denied[2]["reason"], "invalid_setup_code");
    let text = format!("{:?}", log(&cloud, ""));
    for secret in [
        OWNER.1,
        "a wrong password",
        "a-password-as-a-name",
        "ABCD-EFGH-JKMN",
        &code,
        cloud.owner().token(),
        "argon2",
    ] {
        assert!(!text.contains(secret), "`{secret}` is in the audit log");
    }
    verify(&cloud);
}

#[test]
fn what_another_site_sends_leaves_a_record() {
    let cloud = TestCloud::start();
    let cookie = format!("picloud_session={}", cloud.owner().token());
    let call = cloud.anonymous().call("POST", "/api/v1/admin/apps");
    call.header("cookie", &cookie)
        .header("origin", "http://evil.example")
        .json(&json!({ "slug": "shop", "name": "Shop" }))
        .send()
        .problem(403, "cross_site_request");
    let denied = log(&cloud, "&outcome=denied");
    assert_eq!(actions(&denied), ["create_app"]);
    assert_eq!(denied[0]["reason"], "cross_site_request");
    assert_eq!(
        denied[0]["target"],
        json!({ "kind": "path", "id": null, "name": "/api/v1/admin/apps" })
    );
}

#[test]
fn the_log_is_verified_on_the_machine_too() {
    let cloud = TestCloud::start();
    cloud.app("shop");
    cloud.log_in(OWNER.0, "a wrong password").expect(401);
    let verdict = verify(&cloud);
    let output = cloud
        .command()
        .args(["audit", "verify"])
        .output()
        .expect("picloud can be started");
    assert!(output.status.success(), "{output:?}");
    let mut expected: Vec<String> = verdict["heads"]
        .as_array()
        .expect("heads")
        .iter()
        .map(|head| {
            let text = |field: &str| head[field].as_str().unwrap_or_default().to_owned();
            format!("{} {} {}", text("chain"), head["sequence"], text("hash"))
        })
        .collect();
    expected.push(format!("{} records", verdict["records"]));
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
}
