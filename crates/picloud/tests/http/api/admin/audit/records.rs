//! What the log says, to whom, and that nobody alters it unseen.

use serde_json::{Value, json};

use super::{actions, log, verify};
use crate::harness::{OWNER, TestCloud, items};

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
fn what_an_app_reaches_is_named_in_its_records() {
    let cloud = TestCloud::start();
    let app = cloud.app("shop");
    let set = [
        ("/egress", json!({ "allow": ["*.example.com"] })),
        (
            "/smtp",
            json!({ "host": "mail.example.com", "port": 587, "security": "starttls", "from": ["shop@example.com"] }),
        ),
        (
            "/brokers/home",
            json!({ "url": "mqtt://10.1.2.3", "is_paused": true }),
        ),
    ];
    for (path, body) in set {
        cloud.owner().put(&app.path(path), &body).expect(200);
    }
    for action in ["put_egress", "put_smtp"] {
        let record = log(&cloud, &format!("&action={action}")).remove(0);
        let target = json!({ "kind": "app", "id": record["app_id"], "name": "shop" });
        assert_eq!(record["target"], target);
    }
    let record = log(&cloud, "&action=put_broker").remove(0);
    assert_eq!(record["target"]["kind"], "broker");
    assert_eq!(record["target"]["name"], "home");
}

#[test]
fn another_schema_of_a_collection_is_seen() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let schema = |field: &str| json!({ "required": [field] });
    let body = json!({ "name": "d", "schema": schema("a") });
    cloud.owner().post(&app.path("/collections"), &body).expect(201);
    let body = json!({ "schema": schema("b") });
    cloud
        .owner()
        .patch(&app.path("/collections/d"), &body)
        .expect(200);
    let record = log(&cloud, "&action=update_collection").remove(0);
    let hash = |state: &str| record[state]["schema_sha256"].as_str().map(str::to_owned);
    assert_eq!(hash("before").map(|hash| hash.len()), Some(64), "{record}");
    assert_ne!(hash("before"), hash("after"));
    assert_eq!(record["after"]["has_schema"], true);
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
    assert_eq!(actions(&denied), ["list_audit"; 3]);
    assert_eq!(denied[0]["reason"], "not_found");
    assert_eq!(denied[1]["app_id"].as_str(), Some(&*blog.id));
    assert_eq!(denied[1]["reason"], "forbidden");
    assert_eq!(denied[2]["app_id"], Value::Null);

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
