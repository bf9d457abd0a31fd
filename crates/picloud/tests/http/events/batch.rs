//! Runs for several events, and bounds on the runs of a subscription.

use serde_json::{Value, json};

use super::{app, kept, wait_for};
use crate::harness::{App, TestCloud, items};

/// A subscription of a script of its own to `orders`; what else it has is in `more`.
#[track_caller]
fn subscribe(app: &App<'_>, source: &str, more: &Value) -> Value {
    let script = app.script("take", source);
    let mut body = json!({ "name": "take", "script_id": script.id, "topic": "orders" });
    for (field, value) in more.as_object().into_iter().flatten() {
        body[field] = value.clone();
    }
    app.cloud
        .owner()
        .post(&app.path("/subscriptions"), &body)
        .expect(201)
        .json()
}

/// Publishes all of them in one transaction.
#[track_caller]
fn publish(app: &App<'_>, data: &[Value]) {
    let events: Vec<_> = data
        .iter()
        .map(|data| {
            json!({ "specversion": "1.0", "id": "1", "source": "/test", "type": "orders", "data": data })
        })
        .collect();
    let path = format!("/api/v1/apps/{}/events", app.id);
    let call = app.cloud.owner().call("POST", &path);
    call.header("content-type", "application/cloudevents-batch+json")
        .body(Value::from(events).to_string())
        .send()
        .expect(202);
}

fn deliveries(app: &App<'_>, query: &str) -> Vec<Value> {
    items(
        app.cloud
            .owner()
            .get(&app.path(&format!("/deliveries?limit=200{query}"))),
    )
}

#[test]
fn a_run_gets_all_that_came_together() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let source = "let total = 0; for event in request.events { total += event.data } \
        kv::incr(\"runs\"); kv::set(\"total\", [total, request.events.len(), request.event == (), request.body]); 1";
    // It would wait for a minute, but is full before.
    subscribe(
        &app,
        source,
        &json!({ "batch": { "events_max": 10, "wait_ms": 60_000 } }),
    );
    let numbers: Vec<_> = (0..10).map(Value::from).collect();
    publish(&app, &numbers[..4]);
    publish(&app, &numbers[4..]);
    wait_for(&cloud, "total", &json!([45, 10, true, ""]));
    assert_eq!(kept(&cloud, "runs"), json!(1));
    let run = app.executions("?trigger=event", 1).remove(0);
    assert_eq!(
        (&run["delivery"]["events"], &run["delivery"]["attempt"]),
        (&json!(10), &json!(1))
    );
    let done = deliveries(&app, "&state=done");
    assert_eq!(done.len(), 10);
    for delivery in done {
        assert_eq!(
            (&delivery["attempts"], &delivery["execution_id"]),
            (&json!(0), &run["id"])
        );
        // Each knows its run.
        let id = delivery["id"].as_str().expect("an id");
        assert_eq!(app.executions(&format!("?delivery={id}"), 1)[0]["id"], run["id"]);
    }
}

#[test]
fn a_batch_that_is_not_full_begins_when_its_time_has_come() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let source = "kv::set(\"count\", request.events.len()); 1";
    subscribe(
        &app,
        source,
        &json!({ "batch": { "events_max": 100, "wait_ms": 300 } }),
    );
    publish(&app, &[json!(1), json!(2), json!(3)]);
    wait_for(&cloud, "count", &json!(3));
}

#[test]
fn one_bad_event_does_not_take_others_with_it() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let source = "for event in request.events { if event.data == \"bad\" { retry::never(\"bad\") } } \
        kv::incr(\"good\", request.events.len()); 1";
    // Even if nothing is to be tried twice.
    let more = json!({
        "batch": { "events_max": 5, "wait_ms": 60_000 },
        "retry": { "attempts_max": 1, "first_delay_ms": 0 },
    });
    subscribe(&app, source, &more);
    publish(
        &app,
        &[json!("a"), json!("b"), json!("bad"), json!("c"), json!("d")],
    );
    wait_for(&cloud, "good", &json!(4));
    let all = deliveries(&app, "");
    let dead = all.iter().find(|delivery| delivery["state"] == "dead");
    let id = match dead {
        Some(dead) => dead["id"].as_str().expect("an id").to_owned(),
        None => all
            .iter()
            .find(|delivery| delivery["state"] != "done")
            .and_then(|delivery| delivery["id"].as_str())
            .expect("the bad one")
            .to_owned(),
    };
    let dead = app.delivery(&id, "dead");
    assert_eq!(
        (&dead["reason"], &dead["attempts"], &dead["event"]["data"]),
        (&json!("never"), &json!(2), &json!("bad"))
    );
    let runs = app.executions(&format!("?delivery={id}"), 2);
    let counts: Vec<_> = runs.iter().map(|run| &run["delivery"]["events"]).collect();
    assert_eq!(counts, [&json!(1), &json!(5)]);
    let done = deliveries(&app, "&state=done");
    assert_eq!(done.len(), 4);
    assert!(done.iter().all(|delivery| delivery["attempts"] == 1), "{done:#?}");
}

#[test]
fn what_is_cancelled_in_a_batch_leaves_the_others() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let source = "for event in request.events { kv::incr(`took-${event.data}`) } kv::incr(\"n\", request.events.len()); 1";
    let made = subscribe(
        &app,
        source,
        &json!({ "batch": { "events_max": 3, "wait_ms": 60_000 } }),
    );
    publish(&app, &[json!(1), json!(2)]);
    let waiting = deliveries(&app, "&state=waiting");
    assert_eq!(waiting.len(), 2, "it waits for one more");
    let id = waiting[0]["id"].as_str().expect("an id");
    let cancel = app.path(&format!("/deliveries/{id}:cancel"));
    cloud
        .owner()
        .call("POST", &format!("/api/v1{cancel}"))
        .send()
        .expect(200);
    // What waits goes by what is live now, at once.
    let path = app.path(&format!("/subscriptions/{}", made["id"].as_str().expect("an id")));
    let changed = cloud
        .owner()
        .patch(&path, &json!({ "batch": null }))
        .expect(200)
        .json();
    assert_eq!(changed["batch"], Value::Null);
    wait_for(&cloud, "n", &json!(1));
    let cancelled = app.delivery(id, "cancelled");
    assert_eq!(
        kept(&cloud, &format!("took-{}", cancelled["event"]["data"])),
        Value::Null
    );
}

#[test]
fn a_subscription_bounds_its_runs() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    // Of two at a time, one would see the other, or meet a conflict with it.
    let source = "if kv::get(\"busy\") != () { kv::set(\"met\", true); } else { kv::set(\"busy\", 1) } \
        transaction::commit(); for i in 0..20 { kv::get(`k${i}`) } kv::delete(\"busy\"); kv::incr(\"n\"); 1";
    let made = subscribe(&app, source, &json!({ "concurrency_max": 1 }));
    let (batch, most) = (&made["batch"], &made["concurrency_max"]);
    assert_eq!((batch, most), (&Value::Null, &json!(1)));
    let numbers: Vec<_> = (0..40).map(Value::from).collect();
    publish(&app, &numbers);
    wait_for(&cloud, "n", &json!(40));
    assert_eq!(kept(&cloud, "met"), Value::Null);
    let all = deliveries(&app, "");
    assert!(all.iter().all(|delivery| delivery["faults"] == 0), "{all:#?}");
}

#[test]
fn what_is_tried_again_waits_for_its_turn_and_gets_it() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let source = "if request.event.attempt == 1 { throw \"first\" } kv::incr(\"n\"); 1";
    // Each has failed once before the first is due again.
    let more = json!({ "concurrency_max": 1, "retry": { "first_delay_ms": 2_000 } });
    subscribe(&app, source, &more);
    let numbers: Vec<_> = (0..6).map(Value::from).collect();
    publish(&app, &numbers);
    wait_for(&cloud, "n", &json!(6));
    let done = deliveries(&app, "&state=done");
    assert_eq!(done.len(), 6);
    assert!(done.iter().all(|delivery| delivery["attempts"] == 1), "{done:#?}");
}
