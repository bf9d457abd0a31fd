//! `POST /api/v1/admin/apps/{app}/releases/{release}:restore`.

use serde_json::{Value, json};

use crate::harness::{Answer, App, OWNER, TestCloud, items};

fn try_restore(app: &App<'_>, number: u64, body: &Value) -> Answer {
    let path = app.path(&format!("/releases/{number}:restore"));
    app.cloud.owner().post(&path, body)
}

fn live(app: &App<'_>) -> u64 {
    let releases = items(app.cloud.owner().get(&app.path("/releases")));
    releases[0]["number"].as_u64().expect("a number")
}

#[test]
fn a_release_is_restored_without_a_word() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let script = app.serve("/first", "\"one\"");
    let good = live(&app);
    script.save("\"two\"");
    let path = format!("/api/v1{}", app.path(&format!("/releases/{good}:restore")));
    cloud.owner().call("POST", &path).send().expect(201);
    cloud.get("a.test", "/first").says("one");
}

#[test]
fn everything_is_as_it_was() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let first = app.serve("/first", "\"one\"");
    let second = app.serve("/second", "\"two\"");
    let good = live(&app);
    first.save("\"changed\"");
    let routes = items(cloud.owner().get(&format!("/admin/routes?script={}", second.id)));
    let route = format!("/admin/routes/{}", routes[0]["id"].as_str().expect("an id"));
    cloud.owner().delete(&route).expect(204);
    cloud.owner().delete(&second.path("")).expect(204);
    app.serve("/third", "\"three\"");
    app.domain("b.test");
    cloud.get("a.test", "/second").problem(404, "no_route");
    cloud.get("b.test", "/third").says("three");

    let body = json!({ "note": "It was better before" });
    let answer = try_restore(&app, good, &body).expect(201);
    let location = answer.header("location").map(str::to_owned).expect("a location");
    let restored = answer.json();
    let number = restored["release"]["number"].as_u64().expect("a number");
    assert_eq!(number, good + 7);
    assert_eq!(restored["release"]["summary"], format!("release {good} restored"));
    assert_eq!(restored["release"]["note"], "It was better before");
    assert_eq!(restored["release"]["author"], OWNER.0);
    assert_eq!(
        restored["changes"]["summary"],
        "1 script added, 1 changed, 1 removed, 1 route added, 1 removed, 1 domain removed"
    );
    let release = cloud.owner().call("GET", &location).send().expect(200).json();
    let before = cloud
        .owner()
        .get(&app.path(&format!("/releases/{good}")))
        .expect(200)
        .json();
    assert_eq!(release["manifest"], before["manifest"]);

    // Whoever has the answer sees it.
    cloud.get("a.test", "/first").says("one");
    cloud.get("a.test", "/second").says("two");
    cloud.get("a.test", "/third").problem(404, "no_route");
    cloud.get("b.test", "/first").problem(404, "unknown_host");
    second.execute().says("two");
    // And there is a way back from the way back.
    try_restore(&app, number - 1, &json!({})).expect(201);
    cloud.get("b.test", "/third").says("three");
    cloud.get("a.test", "/first").says("changed");
}

#[test]
fn it_survives_a_restart() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let script = app.serve("/", "\"one\"");
    let good = live(&app);
    script.save("\"two\"");
    try_restore(&app, good, &json!({})).expect(201);
    cloud.kill9();
    cloud.start_again();
    cloud.get("a.test", "/").says("one");
    assert_eq!(script.save("\"three\"")["version"], 3);
}

#[test]
fn what_another_app_has_taken_stands_against_it() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let claim = app.domain("*.shop.test");
    let script = app.serve("/", "1");
    let good = live(&app);
    let claim = app.path(&format!("/domains/{}", claim["id"].as_str().expect("an id")));
    cloud.owner().delete(&claim).expect(204);
    script.save("2");
    cloud.app("b").domain("{tenant}.shop.test");
    let before = live(&app);
    for body in [json!({}), json!({ "dry_run": true })] {
        let problem = try_restore(&app, good, &body).problem(409, "release_conflict");
        let taken = json!([{ "kind": "domain_taken", "domain": "*.shop.test" }]);
        assert_eq!(problem["conflicts"], taken);
    }
    assert_eq!(live(&app), before);
    script.execute().says("2");
}

#[test]
fn it_can_be_tried_first() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let script = app.serve("/", "\"one\"");
    let good = live(&app);
    script.save("\"two\"");
    let tried = try_restore(&app, good, &json!({ "dry_run": true }))
        .expect(200)
        .json();
    assert_eq!(tried["changes"]["summary"], "1 script changed");
    assert_eq!(tried["release"]["number"], good + 1);
    cloud.get("a.test", "/").says("two");
    assert_eq!(live(&app), good + 1);
}

#[test]
fn nobodys_change_is_lost() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let script = app.script("s", "1");
    script.save("2");
    let expecting = |release: u64| json!({ "expected_release": release });
    let problem = try_restore(&app, 1, &expecting(1)).problem(412, "version_mismatch");
    assert_eq!(problem["live"], 2);
    try_restore(&app, 1, &expecting(2)).expect(201);
}

#[test]
fn only_what_is_there_is_restored() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    app.script("s", "1");
    for number in ["0", "2", "x", "99999999999", ":"] {
        let path = app.path(&format!("/releases/{number}:restore"));
        cloud.owner().post(&path, &json!({})).problem(404, "not_found");
    }
    for body in [
        json!({ "version": 1 }),
        json!({ "note": "x".repeat(501) }),
        json!([]),
    ] {
        try_restore(&app, 1, &body).problem(422, "validation_failed");
    }
    let path = app.path("/releases/1:restore");
    let post_only = cloud.owner().get(&path);
    assert_eq!(post_only.header("allow"), Some("POST"));
    post_only.problem(405, "method_not_allowed");
    for path in ["/releases/1", "/releases/1:other", "/releases/1/!:restore"] {
        let answer = cloud.owner().post(&app.path(path), &json!({}));
        assert!(matches!(answer.status, 404 | 405), "{path}: {}", answer.text());
    }
    assert_eq!(live(&app), 1);
}

#[test]
fn an_old_slug_leads_to_it() {
    let cloud = TestCloud::start();
    let app = cloud.app("old");
    app.script("s", "1");
    cloud
        .owner()
        .patch(&app.path(""), &json!({ "slug": "new" }))
        .expect(200);
    let moved = try_restore(&app, 1, &json!({})).expect(308);
    assert_eq!(
        moved.header("location"),
        Some("/api/v1/admin/apps/new/releases/1:restore")
    );
}
