//! What follows from what.

use serde_json::{Value, json};

use super::{app, deliveries::only, invoke_plain, wait_for};
use crate::harness::{App, TestCloud};

/// An app whose route emits an event that leads to another one, which a script gets that fails for good.
fn chain(cloud: &TestCloud) -> (App<'_>, String) {
    let app = app(cloud);
    let scripts = [
        ("first", "first", "event::emit(\"second\", request.event.data); 1"),
        ("second", "second", "retry::never(\"no\")"),
        ("other", "second", "kv::set(\"seen\", request.event.data); 1"),
    ];
    for (name, topic, source) in scripts {
        let script = app.script(name, source);
        let body = json!({ "name": name, "script_id": script.id, "topic": topic });
        cloud.owner().post(&app.path("/subscriptions"), &body).expect(201);
    }
    app.serve("/begin", "event::emit(\"first\", 7); 1");
    let answer = cloud.get("a.test", "/begin").expect(200);
    let root = answer.header("x-request-id").expect("an id").to_owned();
    wait_for(cloud, "seen", &json!(7));
    (app, root)
}

#[track_caller]
fn of<'v>(chain: &'v Value, part: &str, field: &str, value: &Value) -> &'v Value {
    let found = chain[part].as_array().into_iter().flatten();
    let mut found = found.filter(|one| &one[field] == value);
    let one = found.next();
    one.unwrap_or_else(|| panic!("{part} has no {field} {value}: {chain:#}"))
}

#[test]
fn a_chain_tells_what_followed_from_a_request() {
    let cloud = TestCloud::start();
    let (app, root) = chain(&cloud);
    let dead = only(&app, "?state=dead");
    app.executions(&format!("?root={root}"), 4);
    let chain = cloud
        .owner()
        .get(&app.path(&format!("/chains/{root}")))
        .expect(200)
        .json();
    assert_eq!(
        (&chain["root_id"], &chain["is_cut"]),
        (&json!(root), &json!(false))
    );
    let count = |part: &str| chain[part].as_array().map(Vec::len);
    let counts = (count("events"), count("deliveries"), count("executions"));
    assert_eq!(counts, (Some(2), Some(3), Some(4)), "{chain:#}");

    // From the request to the end, each by what it says that it follows from.
    let request = of(&chain, "executions", "id", &json!(root));
    assert_eq!(
        (&request["trigger"], &request["delivery"]),
        (&json!("http"), &Value::Null)
    );
    let first = of(&chain, "events", "topic", &json!("first"));
    assert_eq!((&first["cause_id"], &first["depth"]), (&request["id"], &json!(0)));
    let delivery = of(&chain, "deliveries", "event_id", &first["id"]);
    assert_eq!(delivery["state"], "done");
    let run = of(&chain, "executions", "script_name", &json!("first"));
    assert_eq!(run["delivery"]["id"], delivery["id"]);
    assert_eq!(run.get("logs"), None);
    let second = of(&chain, "events", "topic", &json!("second"));
    assert_eq!((&second["cause_id"], &second["depth"]), (&run["id"], &json!(1)));
    let failed = of(&chain, "deliveries", "state", &json!("dead"));
    assert_eq!(
        (&failed["id"], &failed["event_id"]),
        (&json!(dead), &second["id"])
    );
    let failed = of(&chain, "executions", "script_name", &json!("second"));
    assert_eq!(
        (&failed["delivery"]["id"], &failed["status"]),
        (&json!(dead), &json!("error"))
    );
}

/// Publishes an event; gives its id.
#[track_caller]
fn from_outside(app: &App<'_>) -> String {
    let event =
        json!({ "specversion": "1.0", "id": "1", "source": "/shop", "type": "orders", "subject": "7" });
    let path = format!("/api/v1/apps/{}/events", app.id);
    let call = app.cloud.owner().call("POST", &path);
    let call = call.header("content-type", "application/cloudevents+json");
    let published = call.body(event.to_string()).send().expect(202).json();
    published["ids"][0].as_str().expect("an id").to_owned()
}

#[test]
fn a_chain_begins_with_an_event_from_outside_or_a_request_that_nobody_waits_for() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let script = app.script("told", "1");
    let body = json!({ "name": "told", "script_id": script.id, "topic": "orders" });
    cloud.owner().post(&app.path("/subscriptions"), &body).expect(201);
    let root = from_outside(&app);
    app.executions(&format!("?root={root}"), 1);
    let chain = cloud
        .owner()
        .get(&app.path(&format!("/chains/{root}")))
        .expect(200)
        .json();
    let begun = &chain["events"][0];
    assert_eq!((&begun["id"], &begun["cause_id"]), (&json!(root), &Value::Null));
    assert_eq!(
        (&begun["source"], &begun["subject"]),
        (&json!("/shop"), &json!("7"))
    );

    let id = invoke_plain(&script);
    let root = app.delivery(&id, "done")["event"]["root_id"].clone();
    let path = app.path(&format!("/chains/{}", root.as_str().expect("an id")));
    let chain = cloud.owner().get(&path).expect(200).json();
    assert_eq!(
        (&chain["deliveries"][0]["id"], &chain["deliveries"][0]["origin"]),
        (&json!(id), &json!("invoke"))
    );
    // What the request was answered with leads to it, too.
    let by_delivery = app.path(&format!("/chains/{id}"));
    let same = cloud.owner().get(&by_delivery).expect(200).json();
    assert_eq!(
        (&same["root_id"], &same["deliveries"][0]["id"]),
        (&root, &json!(id))
    );
    // Another app knows nothing of it.
    let foreign = cloud.app("foreign").path(&format!("/chains/{id}"));
    cloud.owner().get(&foreign).problem(404, "not_found");
    let foreign = cloud
        .app("other")
        .path(&path[path.rfind("/chains").unwrap_or(0)..]);
    cloud.owner().get(&foreign).problem(404, "not_found");
    for unknown in ["01890a5d-ac96-774b-bcce-b302099a8057", "nothing"] {
        let path = app.path(&format!("/chains/{unknown}"));
        cloud.owner().get(&path).problem(404, "not_found");
    }
}

#[test]
fn a_run_for_several_events_is_in_the_chain_of_each() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let script = app.script("told", "kv::set(\"told\", request.events.len()); 1");
    let body = json!({ "name": "told", "script_id": script.id, "topic": "orders",
        "batch": { "events_max": 2, "wait_ms": 60_000 } });
    cloud.owner().post(&app.path("/subscriptions"), &body).expect(201);
    let roots = [from_outside(&app), from_outside(&app)];
    wait_for(&cloud, "told", &json!(2));
    let run = app.executions("?trigger=event", 1).remove(0);
    for root in roots {
        assert_eq!(app.executions(&format!("?root={root}"), 1)[0]["id"], run["id"]);
        let path = app.path(&format!("/chains/{root}"));
        let chain = cloud.owner().get(&path).expect(200).json();
        assert_eq!(chain["executions"].as_array().map(Vec::len), Some(1), "{chain:#}");
        assert_eq!(chain["executions"][0]["id"], run["id"]);
        let delivery = of(&chain, "deliveries", "event_id", &json!(root));
        assert_eq!(delivery["execution_id"], run["id"]);
    }
}

#[test]
fn a_long_chain_is_cut() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let script = app.script("told", "1");
    let body = json!({ "name": "told", "script_id": script.id, "topic": "many" });
    cloud.owner().post(&app.path("/subscriptions"), &body).expect(201);
    let source = "for n in 0..100 { event::emit(\"many\", n); } transaction::commit();
        for n in 0..100 { event::emit(\"many\", n); } transaction::commit();
        event::emit(\"many\", 200); 1";
    app.serve("/begin", source);
    let answer = cloud.get("a.test", "/begin").expect(200);
    let root = answer.header("x-request-id").expect("an id").to_owned();
    let path = app.path(&format!("/chains/{root}"));
    let chain = cloud.owner().get(&path).expect(200).json();
    assert_eq!(chain["is_cut"], true);
    assert_eq!(chain["deliveries"].as_array().map(Vec::len), Some(200));
}
