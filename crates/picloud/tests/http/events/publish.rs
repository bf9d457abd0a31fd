//! Events from outside, as `CloudEvents`.

use serde_json::{Value, json};

use super::{app, kept, wait_for};
use crate::harness::{Answer, App, Call, Client, TestCloud};

const STRUCTURED: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

/// What a script that subscribes keeps of its event.
const KEEP: &str = "let event = request.event;
    kv::incr(\"n\");
    kv::set(\"seen\", [event.topic, event.source, event.subject, event.key, event.data]);
    1";

/// An app in which a script keeps what is published.
fn listening(cloud: &TestCloud) -> App<'_> {
    let app = app(cloud);
    let script = app.script("keep", KEEP);
    let subscription = json!({ "name": "keep", "script_id": script.id, "topic": "*" });
    cloud
        .owner()
        .post(&app.path("/subscriptions"), &subscription)
        .expect(201);
    app
}

fn call<'c>(app: &App<'c>) -> Call<'c> {
    let path = format!("/api/v1/apps/{}/events", app.slug);
    app.cloud.owner().call("POST", &path)
}

fn publish(app: &App<'_>, content_type: &str, body: &Value) -> Answer {
    call(app)
        .header("content-type", content_type)
        .body(body.to_string())
        .send()
}

fn event(topic: &str) -> Value {
    json!({ "specversion": "1.0", "id": "a1", "source": "/shop", "type": topic })
}

#[test]
fn an_event_in_json_reaches_whoever_subscribes() {
    let cloud = TestCloud::start();
    let app = listening(&cloud);
    let mut body = event("orders.placed");
    body["subject"] = "7".into();
    body["partitionkey"] = "ada".into();
    body["data"] = json!({ "total": 3 });
    body["comexample"] = true.into();
    let published = publish(&app, STRUCTURED, &body).expect(202).json();
    wait_for(
        &cloud,
        "seen",
        &json!(["orders.placed", "/shop", "7", "ada", { "total": 3 }]),
    );
    let deliveries = app.path("/deliveries?topic=orders.placed&origin=subscription");
    let listed = crate::harness::items(cloud.owner().get(&deliveries));
    let id = listed[0]["id"].as_str().expect("an id");
    let found = app.delivery(id, "done");
    assert_eq!(found["event"]["id"], published["ids"][0]);
    assert_eq!(
        found["event"]["extensions"],
        json!({ "comexample": "true", "originid": "a1" })
    );
    assert_eq!(found["event"]["root_id"], published["ids"][0]);
}

#[test]
fn who_is_signed_in_publishes_too() {
    let cloud = TestCloud::start();
    let app = listening(&cloud);
    let path = app.path("/events");
    let mut body = event("orders.placed");
    body["data"] = json!(7);
    let published = cloud.owner().post(&path, &body).expect(202).json();
    wait_for(&cloud, "seen", &json!(["orders.placed", "/shop", null, null, 7]));
    assert_eq!(published["ids"].as_array().map(Vec::len), Some(1));
    for (field, value) in [("type", "picloud.mine"), ("type", "a b"), ("specversion", "2.0")] {
        let mut wrong = event("a");
        wrong[field] = value.into();
        let refused = cloud
            .owner()
            .post(&path, &wrong)
            .problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["field"], field);
    }
}

#[test]
fn a_number_among_further_attributes_is_whole() {
    let cloud = TestCloud::start();
    let app = listening(&cloud);
    let with = |number: &str| {
        let body = event("a")
            .to_string()
            .replace('}', &format!(", \"count\": {number}}}"));
        call(&app).header("content-type", STRUCTURED).body(body).send()
    };
    for number in ["7", "7.0", "-2147483648", "null", "true"] {
        with(number).expect(202);
    }
    for number in ["0.5", "2147483648", "1e300", "[]"] {
        let refused = with(number).problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["field"], "count");
    }
}

#[test]
fn a_batch_is_published_whole_or_not_at_all() {
    let cloud = TestCloud::start();
    let app = listening(&cloud);
    let refused = publish(
        &app,
        BATCH,
        &json!([event("a"), event("picloud.release"), event("b c")]),
    )
    .problem(422, "validation_failed");
    let fields: Vec<_> = refused["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|error| error["field"].clone())
        .collect();
    assert_eq!(fields, ["[1].type", "[2].type"]);
    for number in [0, 101] {
        let events = vec![event("a"); number];
        publish(&app, BATCH, &json!(events)).problem(422, "validation_failed");
    }
    let published = publish(&app, BATCH, &json!([event("a"), event("b")]))
        .expect(202)
        .json();
    assert_eq!(published["ids"].as_array().map(Vec::len), Some(2));
    wait_for(&cloud, "n", &json!(2));
}

#[test]
fn an_event_in_headers_has_its_data_in_the_body() {
    let cloud = TestCloud::start();
    let app = listening(&cloud);
    let with_headers = |content_type: &str, body: &str| {
        call(&app)
            .header("content-type", content_type)
            .header("ce-specversion", "1.0")
            .header("ce-id", "a1")
            .header("ce-source", "/shop")
            .header("ce-type", "orders.placed")
            .header("ce-subject", "caf%C3%A9")
            .body(body)
            .send()
    };
    with_headers("application/json", "{\"total\":3}").expect(202);
    let seen = |data: Value| json!(["orders.placed", "/shop", "café", null, data]);
    wait_for(&cloud, "seen", &seen(json!({ "total": 3 })));
    with_headers("text/plain", "three").expect(202);
    wait_for(&cloud, "seen", &seen(json!("three")));
    for unreadable in ["{", "1e999", "\"\\ud800\""] {
        with_headers("application/json", unreadable).problem(422, "validation_failed");
    }
    let empty = call(&app)
        .header("ce-specversion", "1.0")
        .header("ce-id", "")
        .header("ce-source", "/shop")
        .header("ce-type", "orders.placed")
        .send()
        .problem(422, "validation_failed");
    assert_eq!(empty["errors"][0]["field"], "id");
    let missing = call(&app)
        .json(&json!({}))
        .send()
        .problem(422, "validation_failed");
    assert_eq!(missing["errors"][0]["field"], "ce-specversion");
}

#[test]
fn what_is_sent_again_with_its_key_is_published_once() {
    let cloud = TestCloud::start();
    let app = listening(&cloud);
    let send = |topic: &str| {
        call(&app)
            .header("content-type", STRUCTURED)
            .header("idempotency-key", "order-7")
            .body(event(topic).to_string())
            .send()
    };
    let first = send("a").expect(202).json();
    assert_eq!(send("a").expect(202).json(), first);
    let refused = send("b").problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["field"], "Idempotency-Key");
    let long = call(&app)
        .header("content-type", STRUCTURED)
        .header("idempotency-key", &"x".repeat(257));
    let refused = long
        .body(event("c").to_string())
        .send()
        .problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["field"], "Idempotency-Key");
    publish(&app, STRUCTURED, &event("last")).expect(202);
    wait_for(&cloud, "n", &json!(2));
}

#[test]
fn people_do_not_share_their_keys() {
    let cloud = TestCloud::start();
    let app = listening(&cloud);
    let max = cloud.person("max", "admin");
    let path = format!("/api/v1/apps/{}/events", app.slug);
    let send = |client: &Client, topic: &str| {
        let call = client
            .call("POST", &path)
            .header("content-type", STRUCTURED)
            .header("idempotency-key", "order-7");
        let answer = call.body(event(topic).to_string()).send().expect(202).json();
        answer["ids"][0].clone()
    };
    let first = send(cloud.owner(), "a");
    assert_ne!(send(&max.client, "a"), first, "each has an event of their own");
    let eve = cloud.person("eve", "admin");
    let other = send(&eve.client, "b");
    assert_eq!(send(&eve.client, "b"), other);
    assert_eq!(send(cloud.owner(), "a"), first);
    publish(&app, STRUCTURED, &event("last")).expect(202);
    wait_for(&cloud, "n", &json!(4));
}

#[test]
fn what_is_no_event_is_refused() {
    let cloud = TestCloud::start();
    let app = listening(&cloud);
    for (field, value) in [
        ("specversion", json!("0.3")),
        ("id", json!("")),
        ("source", json!("")),
        ("type", json!("a b")),
        ("type", json!("picloud.delivery.dead")),
        ("time", json!("yesterday")),
        ("partitionkey", json!("x".repeat(257))),
        ("data", json!("x".repeat(256 * 1_024))),
        ("data_base64", json!("!")),
        ("Upper", json!("a")),
        ("nested", json!({ "a": 1 })),
    ] {
        let mut body = event("a");
        body[field] = value;
        let refused = publish(&app, STRUCTURED, &body).problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["field"], field);
    }
    for (field, value, expected) in [
        ("time", "yesterday", "is not an RFC 3339 date and time"),
        ("data_base64", "!!", "must be Base64, with its padding"),
    ] {
        let mut body = event("a");
        body[field] = value.into();
        let refused = publish(&app, STRUCTURED, &body).problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["message"], expected);
    }
    let empty = publish(&app, STRUCTURED, &json!({})).problem(422, "validation_failed");
    assert_eq!(empty["errors"][0]["field"], "specversion");
    publish(&app, STRUCTURED, &json!([event("a")])).problem(422, "validation_failed");
    let broken = call(&app).header("content-type", STRUCTURED).body("{");
    broken.send().problem(400, "invalid_json");
    publish(&app, "application/cloudevents+xml", &event("a")).problem(415, "unsupported_media_type");
    let looping = call(&app)
        .header("content-type", STRUCTURED)
        .header("x-picloud-depth", "99")
        .body(event("a").to_string())
        .send();
    looping.problem(508, "loop_detected");
    assert_eq!(kept(&cloud, "n"), Value::Null, "none of it has run");
}
