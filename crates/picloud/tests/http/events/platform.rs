//! What PiCloud tells of an app: its releases, and what failed.

use std::time::Instant;

use serde_json::{Value, json};

use super::{app, wait_for};
use crate::harness::{App, TestCloud, WAIT_MAX, items};

#[track_caller]
fn subscribe(app: &App<'_>, topic: &str, source: &str) {
    let name = topic.rsplit('.').next().expect("a word");
    let script = app.script(name, source);
    let body =
        json!({ "name": name, "script_id": script.id, "topic": topic, "retry": { "attempts_max": 1 } });
    app.cloud
        .owner()
        .post(&app.path("/subscriptions"), &body)
        .expect(201);
}

/// The deliveries on a topic, once there are as many as that.
#[track_caller]
fn deliveries(app: &App<'_>, query: &str, count: usize) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let found = items(app.cloud.owner().get(&app.path(&format!("/deliveries{query}"))));
        if found.len() >= count {
            return found;
        }
        assert!(begun.elapsed() < WAIT_MAX, "{query}: {found:?}");
    }
}

#[test]
fn each_release_is_told_from_the_one_on_in_which_somebody_subscribes() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let keep = "let release = request.event.data;
        kv::set(\"release/\" + request.event.subject, [release.number, release.summary, release.note, release.via]);
        1";
    subscribe(&app, "picloud.release", keep);
    let query = "?topic=picloud.release&limit=200";
    assert_eq!(deliveries(&app, query, 1).len(), 1);
    let script = app.script("new", "1");
    script.save("2");
    let told = deliveries(&app, query, 3);
    assert_eq!(told.len(), 3);
    let releases = items(cloud.owner().get(&app.path("/releases")));
    let newest = &releases[0];
    let expected = json!([newest["number"], newest["summary"], null, "session"]);
    wait_for(&cloud, &format!("release/{}", newest["number"]), &expected);
    let number = newest["number"].to_string();
    let event = told
        .iter()
        .map(|delivery| app.delivery(delivery["id"].as_str().expect("an id"), "done")["event"].clone())
        .find(|event| event["subject"] == number)
        .expect("the newest one");
    assert_eq!(event["data"]["author_name"], newest["author"]);
}

#[test]
fn a_release_that_a_script_asks_for_counts_in_its_chain() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let set = |depth: &str| {
        let path = format!("/api/v1{}", app.path("/config/depth"));
        let call = cloud.owner().call("PUT", &path).header("x-picloud-depth", depth);
        call.json(&json!({ "value": depth })).send()
    };
    set("16").expect(200);
    subscribe(&app, "picloud.release", "1");
    set("15").expect(200);
    set("16").problem(508, "loop_detected");
    let config = cloud.owner().get(&app.path("/config")).expect(200).json();
    assert_eq!(config["items"][0]["value"], "15");
    let told = deliveries(&app, "?topic=picloud.release&limit=200", 2);
    let mut depths: Vec<Value> = told
        .iter()
        .map(|delivery| app.delivery(delivery["id"].as_str().expect("an id"), "done"))
        .map(|delivery| delivery["event"]["depth"].clone())
        .collect();
    depths.sort_by_key(Value::as_u64);
    assert_eq!(json!(depths), json!([0, 15]));
}

#[test]
fn a_request_that_failed_is_told_and_who_fails_to_hear_it_is_told_no_more() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    subscribe(
        &app,
        "picloud.script.failed",
        "kv::set(\"heard\", 1); throw \"me too\"",
    );
    subscribe(&app, "picloud.delivery.dead", "1");
    app.serve("/fail", "throw \"no\"");
    let failed = "?topic=picloud.script.failed&state=dead";
    for times in 1..=2 {
        cloud.get("a.test", "/fail").expect(500);
        assert_eq!(deliveries(&app, failed, times).len(), times);
    }
    let owner = cloud.owner();
    // What was told of the first of them would stand here since the second.
    for (topic, expected) in [("picloud.script.failed", 2), ("picloud.delivery.dead", 0)] {
        let found = items(owner.get(&app.path(&format!("/deliveries?topic={topic}"))));
        assert_eq!(found.len(), expected, "{topic}: {found:?}");
    }
    let dead = deliveries(&app, failed, 2);
    let id = dead[0]["id"].as_str().expect("an id");
    let event = app.delivery(id, "dead")["event"].clone();
    assert_eq!(event["data"]["trigger"], "http");
    assert_eq!(event["data"]["path"], "/fail");
    assert_eq!(event["subject"], "/scripts/s-fail");
}
