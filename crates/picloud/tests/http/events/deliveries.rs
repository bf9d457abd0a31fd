//! What becomes of events, and what people do about it.

use serde_json::{Value, json};

use super::{app, invoke, invoke_plain, kept, wait_for};
use crate::harness::{App, TestCloud, items};

/// A subscription to a topic; what else it has is in `more`.
#[track_caller]
fn subscribe(app: &App<'_>, name: &str, topic: &str, source: &str, more: &Value) {
    let script = app.script(name, source);
    let mut body = json!({ "name": name, "script_id": script.id, "topic": topic });
    for (field, value) in more.as_object().into_iter().flatten() {
        body[field] = value.clone();
    }
    let path = app.path("/subscriptions");
    app.cloud.owner().post(&path, &body).expect(201);
}

#[track_caller]
fn publish(app: &App<'_>, topic: &str, data: &Value) {
    let event = json!({ "specversion": "1.0", "id": "1", "source": "/test", "type": topic, "data": data });
    let path = format!("/api/v1/apps/{}/events", app.id);
    let call = app.cloud.owner().call("POST", &path);
    call.header("content-type", "application/cloudevents+json")
        .body(event.to_string())
        .send()
        .expect(202);
}

/// The one delivery that fits, once there is one.
#[track_caller]
pub(super) fn only(app: &App<'_>, query: &str) -> String {
    let start = std::time::Instant::now();
    loop {
        let found = items(app.cloud.owner().get(&app.path(&format!("/deliveries{query}"))));
        if let [one] = &found[..] {
            return one["id"].as_str().expect("an id").to_owned();
        }
        assert!(start.elapsed() < crate::harness::WAIT_MAX, "{query}: {found:#?}");
    }
}

#[test]
fn what_a_run_without_waiting_answered_is_told_by_its_id() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let script = app.script("later", "response(201, #{order: request.json().order})");
    let id = invoke(&script, &json!({ "order": 7 }));
    let found = app.delivery(&id, "done");
    assert_eq!(
        (&found["origin"], &found["response_status"]),
        (&json!("invoke"), &json!(201))
    );
    let result = &found["result"];
    assert_eq!(
        (&result["status"], &result["is_cut"]),
        (&json!(201), &json!(false))
    );
    assert_eq!(result["body"], "{\"order\":7}");
    let request = &found["event"]["request"];
    assert_eq!(request["method"], "POST");
    assert_eq!(request["path"], format!("/api/v1/execute/{}", script.id));
    let run = found["execution_id"].as_str().expect("a run");
    let record = app.executions(&format!("?delivery={id}"), 1).remove(0);
    assert_eq!(record["id"], run);
}

#[test]
fn what_fails_too_often_is_dead_and_can_be_given_another_chance() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let retry = json!({ "retry": { "attempts_max": 3, "first_delay_ms": 0 } });
    let source = "if request.event.data.good != true { throw \"not good\" } kv::set(\"good\", true); 1";
    subscribe(&app, "picky", "orders", source, &retry);
    publish(&app, "orders", &json!({ "good": false }));
    let id = only(&app, "?topic=orders&state=dead");
    let dead = app.delivery(&id, "dead");
    assert_eq!(
        (&dead["reason"], &dead["attempts"]),
        (&json!("exhausted"), &json!(3))
    );
    assert!(
        dead["error"]
            .as_str()
            .is_some_and(|error| error.contains("not good")),
        "{dead}"
    );
    assert_eq!(dead["event"]["data"], json!({ "good": false }));
    let queues = items(cloud.owner().get(&app.path("/queues")));
    assert_eq!(
        (queues.len(), &queues[0]["topic"], &queues[0]["dead"]),
        (1, &json!("orders"), &json!(1))
    );

    // As it is, it fails again; with other data it does not.
    let path = app.path(&format!("/deliveries/{id}:redrive"));
    let again = cloud.owner().post(&path, &json!({})).expect(200).json();
    assert_eq!((&again["redrives"], &again["attempts"]), (&json!(1), &json!(0)));
    app.delivery(&id, "dead");
    cloud
        .owner()
        .post(&path, &json!({ "data": { "good": true } }))
        .expect(200);
    let done = app.delivery(&id, "done");
    assert_eq!(done["event"]["data"], json!({ "good": true }));
    wait_for(&cloud, "good", &json!(true));
    cloud.owner().post(&path, &json!({})).problem(409, "conflict");
    let runs = app.executions(&format!("?delivery={id}"), 7);
    assert_eq!(runs.len(), 7);
}

#[test]
fn a_text_stays_a_text_with_other_data() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let source =
        "if request.event.data != \"world\" { retry::never(\"no\") } kv::set(\"seen\", request.body); 1";
    subscribe(&app, "picky", "orders", source, &json!({}));
    let path = format!("/api/v1/apps/{}/events", app.id);
    let event = json!({ "specversion": "1.0", "id": "1", "source": "/test", "type": "orders",
        "datacontenttype": "text/plain", "data": "hello" });
    let call = cloud.owner().call("POST", &path);
    call.header("content-type", "application/cloudevents+json")
        .body(event.to_string())
        .send()
        .expect(202);
    let id = only(&app, "?topic=orders&state=dead");
    let path = app.path(&format!("/deliveries/{id}:redrive"));
    cloud.owner().post(&path, &json!({ "data": "world" })).expect(200);
    assert_eq!(app.delivery(&id, "done")["event"]["data"], "world");
    wait_for(&cloud, "seen", &json!("world"));
}

#[test]
fn another_chance_needs_no_body() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let script = app.script("never", "retry::never(\"no\")");
    let ids: Vec<String> = (0..2).map(|_| invoke_plain(&script)).collect();
    for id in &ids {
        app.delivery(id, "dead");
    }
    script.save("kv::incr(\"n\"); 1");
    let post = |path: &str| {
        let path = format!("/api/v1{}", app.path(path));
        cloud.owner().call("POST", &path)
    };
    post(&format!("/deliveries/{}:redrive", ids[0]))
        .send()
        .expect(200);
    app.delivery(&ids[0], "done");
    // Some clients say of what kind the body would be.
    let call = post("/deliveries:redrive").header("content-type", "application/json");
    assert_eq!(call.send().expect(200).json()["redriven"], 1);
    app.delivery(&ids[1], "done");
    // Others send the end of a line where a body would be.
    let answer = post("/deliveries:redrive").body("\r\n").send();
    assert_eq!(answer.expect(200).json()["redriven"], 0);
    let call = post("/deliveries:redrive").header("content-type", "text/plain");
    call.body("{}").send().problem(415, "unsupported_media_type");
    // What is to be deleted is said.
    let call = post("/deliveries:purge").header("content-type", "application/json");
    let refused = call.send().problem(400, "invalid_json");
    assert_eq!(refused["detail"], "The body is empty; send a JSON object.");
    assert_eq!((&refused["line"], &refused["column"]), (&json!(1), &json!(1)));
}

#[test]
fn many_dead_ones_are_given_another_chance_or_deleted_together() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let script = app.script("never", "retry::never(\"no\")");
    let ids: Vec<String> = (0..3).map(|_| invoke_plain(&script)).collect();
    for id in &ids {
        let dead = app.delivery(id, "dead");
        assert_eq!((&dead["reason"], &dead["attempts"]), (&json!("never"), &json!(1)));
    }
    let redrive = app.path("/deliveries:redrive");
    let other = json!({ "topic": "another" });
    let none = cloud.owner().post(&redrive, &other).expect(200).json();
    assert_eq!(none["redriven"], 0);
    script.save("kv::incr(\"n\"); 1");
    let of_script = json!({ "script_id": script.id });
    let redriven = cloud.owner().post(&redrive, &of_script).expect(200).json();
    assert_eq!(redriven["redriven"], 3);
    wait_for(&cloud, "n", &json!(3));
    for id in &ids {
        app.delivery(id, "done");
    }

    let purge = app.path("/deliveries:purge");
    for (body, deleted) in [
        (json!({}), 0),
        (json!({ "state": "done", "topic": "another" }), 0),
        (json!({ "state": "done" }), 3),
    ] {
        let found = cloud.owner().post(&purge, &body).expect(200).json();
        assert_eq!(found["deleted"], deleted, "{body}");
    }
    let refused = cloud
        .owner()
        .post(&purge, &json!({ "state": "waiting" }))
        .problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["field"], "state");
    let gone = app.path(&format!("/deliveries/{}", ids[0]));
    cloud.owner().get(&gone).problem(404, "not_found");
}

#[test]
fn what_is_cancelled_does_not_run_any_more() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let id = app.make_delivery("later", "waiting");
    let path = app.path(&format!("/deliveries/{id}:cancel"));
    let cancel = || cloud.owner().call("POST", &format!("/api/v1{path}")).send();
    assert_eq!(cancel().expect(200).json()["state"], "cancelled");
    cancel().problem(409, "conflict");
    let redrive = app.path(&format!("/deliveries/{id}:redrive"));
    cloud.owner().post(&redrive, &json!({})).problem(409, "conflict");
    let other = cloud.app("other").path(&format!("/deliveries/{id}"));
    cloud.owner().get(&other).problem(404, "not_found");
}

#[test]
fn whoever_is_named_is_told_of_the_end() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let told = app.script(
        "told",
        "let event = request.event; kv::set(event.data.script, [event.topic, event.data.reason, \
         event.data.result?.status, event.data.event.data]); 1",
    );
    let more = json!({ "on_success": { "script_id": told.id }, "on_failure": { "topic": "orders.failed" } });
    subscribe(&app, "well", "orders", "response(200, \"fine\")", &more);
    subscribe(&app, "ill", "orders", "retry::never(\"no\")", &more);
    let failed =
        "let data = request.event.data; kv::set(\"failed\", [data.script, data.reason, data.error]); 1";
    subscribe(&app, "failed", "orders.failed", failed, &json!({}));
    let all = "kv::set(\"dead\", request.event.data.script); 1";
    subscribe(&app, "dead", "picloud.delivery.dead", all, &json!({}));
    publish(&app, "orders", &json!(7));
    wait_for(&cloud, "well", &json!(["picloud.delivery.done", null, 200, 7]));
    wait_for(&cloud, "failed", &json!(["ill", "never", "no (line 1)"]));
    wait_for(&cloud, "dead", &json!("ill"));
    assert_eq!(kept(&cloud, "ill"), Value::Null);
}

#[test]
fn what_a_run_that_fails_has_emitted_is_never_told() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let source = "kv::set(\"n\", request.event.data); 1";
    subscribe(&app, "seen", "told", source, &json!({}));
    let script = app.script(
        "emits",
        "event::emit(\"told\", request.event.attempt);
         if request.event.attempt < 3 { retry::after(0, \"not yet\") }
         1",
    );
    let id = invoke_plain(&script);
    wait_for(&cloud, "n", &json!(3));
    let told = only(&app, "?topic=told");
    let (told, emitted) = (app.delivery(&told, "done"), app.delivery(&id, "done"));
    // What it follows from.
    let event = &told["event"];
    assert_eq!(event["cause_id"], emitted["execution_id"]);
    assert_eq!(event["root_id"], emitted["event"]["root_id"]);
    let root = event["root_id"].as_str().expect("an id");
    let runs = app.executions(&format!("?root={root}"), 4);
    assert_eq!(runs.len(), 4);
}

#[test]
fn events_with_the_same_key_run_one_after_the_other() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let source = "let n = request.event.data;
        if n == 1 && request.event.attempt < 3 { retry::after(0, \"not yet\") }
        kv::set(\"order\", (kv::get(\"order\") ?? []) + [n]);
        1";
    subscribe(&app, "ordered", "orders", source, &json!({ "ordered": true }));
    app.serve(
        "/emit",
        "for n in 1..6 { event::emit(\"orders\", n, #{key: \"ada\"}); } 1",
    );
    cloud.get("a.test", "/emit").expect(200);
    wait_for(&cloud, "order", &json!([1, 2, 3, 4, 5]));
}
