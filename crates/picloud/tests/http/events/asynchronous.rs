//! Runs that a client asks for without waiting.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{app, invoke, try_invoke, wait_for};
use crate::harness::{TestCloud, items};

#[test]
fn the_answer_comes_at_once_and_the_script_runs_later_as_it_was_asked() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let script = app.script(
        "later",
        "let seen = #{method: request.method, query: request.query.a, body: request.json(), \
         header: request.headers[\"x-mine\"], event: request.event};
         kv::set(\"seen\", [seen.method, seen.query, seen.body, seen.header, seen.event.topic, seen.event.attempt, \
         seen.event.data]);
         response(201, \"done\")",
    );
    let path = format!("/api/v1/execute/{}?a=1&async=true", script.id);
    let answer = cloud
        .call("PUT", "localhost", &path)
        .header("x-mine", "yes")
        .json(&json!({ "order": 7 }))
        .send()
        .expect(202);
    let id = answer.json()["invocation_id"].as_str().expect("an id").to_owned();
    assert_eq!(
        answer.header("location"),
        Some(format!("/api/v1/admin/apps/{}/deliveries/{id}", app.id).as_str())
    );
    assert_eq!(answer.header("preference-applied"), Some("respond-async"));
    let expected = json!(["PUT", "1", { "order": 7 }, "yes", null, 1, { "order": 7 }]);
    wait_for(&cloud, "seen", &expected);
    let record = app.executions("?trigger=async", 1).remove(0);
    assert_eq!(record["script_id"], script.id.as_str());
    assert_eq!(record["status"], "success");
    assert_eq!(record["response_status"], 201);
}

#[test]
fn what_is_not_there_is_refused_at_once() {
    let cloud = TestCloud::start();
    let script = app(&cloud).script("gone", "1");
    cloud.owner().delete(&script.path("")).expect(204);
    try_invoke(&script, "", &json!({})).problem(404, "not_found");
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    let cloud = TestCloud::start();
    let script = app(&cloud).script("later", "1");
    let large = json!("x".repeat(256 * 1_024));
    try_invoke(&script, "", &large).problem(413, "body_too_large");
}

#[test]
fn a_request_that_is_sent_again_with_its_key_runs_once() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let script = app.script("later", "kv::incr(`n${request.json().n}`); 1");
    let first = try_invoke(&script, "order-7", &json!({ "n": 1 }))
        .expect(202)
        .json();
    let second = try_invoke(&script, "order-7", &json!({ "n": 1 }))
        .expect(202)
        .json();
    assert_eq!(first, second);
    let refused = try_invoke(&script, "order-7", &json!({ "n": 2 })).problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["field"], "Idempotency-Key", "{refused}");
    invoke(&script, &json!({ "n": 3 }));
    wait_for(&cloud, "n3", &json!(1));
    wait_for(&cloud, "n1", &json!(1));
    let deliveries = items(cloud.owner().get(&app.path("/deliveries")));
    assert_eq!(deliveries.len(), 2, "the second was none: {deliveries:#?}");
    let refused = try_invoke(&script, &"x".repeat(257), &json!({})).problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["field"], "Idempotency-Key", "{refused}");
}

#[test]
fn callers_do_not_share_their_keys() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let script = app.script("later", "kv::incr(`n${request.json().n}`); 1");
    let path = format!("/api/v1/execute/{}?async=true", script.id);
    let send = |header: &str, value: &str, n: u32| {
        let call = cloud.call("POST", "localhost", &path).header(header, value);
        let call = call.header("idempotency-key", "order-7");
        let answer = call.json(&json!({ "n": n })).send().expect(202).json();
        answer["invocation_id"].clone()
    };
    let ids = [
        send("authorization", "Bearer one", 1),
        send("authorization", "Bearer two", 1),
        send("authorization", "Bearer three", 2),
        send("cookie", "picloud_user=one", 3),
        send("x-other", "no credentials", 4),
        send("cookie", "picloud_user=two", 5),
        // These the script does not see.
        send("authorization", "Bearer pct_one", 6),
        send("authorization", "Bearer pct_two", 7),
    ];
    let different: BTreeSet<_> = ids.iter().map(Value::to_string).collect();
    assert_eq!(different.len(), ids.len(), "{ids:?}");
    assert_eq!(send("authorization", "Bearer two", 1), ids[1]);
    // Cookies that do not say who calls may change.
    assert_eq!(send("cookie", "theme=dark; picloud_user=one", 3), ids[3]);
    assert_eq!(send("cookie", "theme=dark", 4), ids[4]);
    wait_for(&cloud, "n1", &json!(2));
    for other in 2..=7 {
        wait_for(&cloud, &format!("n{other}"), &json!(1));
    }
}

#[test]
fn a_run_for_an_event_emits_events_that_nobody_needs_to_want() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let script = app.script(
        "later",
        "event::emit(\"orders.placed\", 1); kv::set(\"done\", true); 1",
    );
    invoke(&script, &json!({}));
    wait_for(&cloud, "done", &json!(true));
}
