//! What a script begins through the API counts in the chain that led to that.

use serde_json::{Value, json};

use super::app;
use crate::harness::{Answer, TestCloud};

/// What a script gets that asks for something, as the run that so many others led to.
fn ask(cloud: &TestCloud, depth: u8, path: &str, body: &Value) -> Answer {
    let path = format!("/api/v1{path}");
    let call = cloud.owner().call("POST", &path);
    let call = call.header("x-picloud-depth", &depth.to_string());
    call.json(body).send()
}

#[test]
fn a_schedule_that_a_script_runs_counts_in_its_chain() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let body = json!({ "name": "later", "script_id": app.script("later", "1").id, "is_paused": true,
        "schedule": { "kind": "at", "at": "2040-01-01T00:00:00Z" } });
    let made = cloud.owner().post(&app.path("/schedules"), &body).expect(201);
    let id = made.json()["id"].clone();
    let run = app.path(&format!("/schedules/{}:run", id.as_str().expect("an id")));
    let begun = ask(&cloud, 15, &run, &json!({})).expect(202).json();
    let delivery = app.delivery(begun["delivery_id"].as_str().expect("an id"), "done");
    assert_eq!(delivery["event"]["depth"], 15);
    ask(&cloud, 16, &run, &json!({})).problem(508, "loop_detected");
}

#[test]
fn what_a_script_gives_another_chance_counts_in_its_chain() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let id = app.make_delivery("dies", "dead");
    let one = app.path(&format!("/deliveries/{id}:redrive"));
    let all = app.path("/deliveries:redrive");
    for path in [&one, &all] {
        ask(&cloud, 16, path, &json!({})).problem(508, "loop_detected");
    }
    assert_eq!(app.delivery(&id, "dead")["redrives"], 0);
    for (depth, path, expected) in [(7, &one, 7), (0, &one, 7), (15, &all, 15)] {
        ask(&cloud, depth, path, &json!({})).expect(200);
        assert_eq!(app.delivery(&id, "dead")["event"]["depth"], expected);
    }
}

#[test]
fn a_script_that_a_script_tries_counts_in_its_chain() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let run = app.path("/scripts:run");
    let body = json!({ "source": "event::emit(\"orders\", 1); 1" });
    let kind = |depth| {
        let found = ask(&cloud, depth, &run, &body).expect(200).json();
        found["error"]["kind"].clone()
    };
    assert_eq!(kind(15), Value::Null);
    assert_eq!(kind(16), "loop_detected");
    ask(&cloud, 17, &run, &body).problem(508, "loop_detected");
}
