//! Runs without a request: that nothing is lost of them, and nothing done twice.

mod asynchronous;
mod batch;
mod bindings;
mod chains;
mod changes;
mod clock;
mod crash;
mod deliveries;
mod loops;
mod mqtt;
mod nodes;
mod once;
mod platform;
mod poison;
mod publish;
mod retries;
mod schedules;
mod stop;

use std::time::Instant;

use serde_json::{Value, json};

use crate::harness::{Answer, App, Script, TestCloud, WAIT_MAX};

/// What is kept of an app under the key in the query, as JSON.
const KEPT: &str = "let found = kv::get(request.query.key); json::stringify(found)";

/// An app that tells what it keeps, at `/kept?key=…`.
fn app(cloud: &TestCloud) -> App<'_> {
    let app = cloud.app_with_domain("a");
    app.serve("/kept", KEPT);
    app
}

/// What the app keeps under a key.
#[track_caller]
fn kept(cloud: &TestCloud, key: &str) -> Value {
    cloud
        .get_in_turn("a.test", &format!("/kept?key={key}"))
        .expect(200)
        .json()
}

/// Waits until the app keeps this under a key.
#[track_caller]
fn wait_for(cloud: &TestCloud, key: &str, expected: &Value) {
    let begun = Instant::now();
    loop {
        let found = kept(cloud, key);
        if found == *expected {
            return;
        }
        assert!(begun.elapsed() < WAIT_MAX, "`{key}` is {found}, not {expected}");
    }
}

/// The answer to a request for a run that nobody waits for, with a key if that is not empty.
fn try_invoke(script: &Script<'_>, key: &str, body: &Value) -> Answer {
    let path = format!("/api/v1/execute/{}", script.id);
    let call = script.cloud.call("POST", "localhost", &path).json(body);
    let call = call.header("prefer", "respond-async");
    if key.is_empty() {
        call.send()
    } else {
        call.header("idempotency-key", key).send()
    }
}

/// Asks for a run that nobody waits for; gives its id.
#[track_caller]
fn invoke(script: &Script<'_>, body: &Value) -> String {
    let answer = try_invoke(script, "", body).expect(202).json();
    answer["invocation_id"].as_str().expect("an id").to_owned()
}

/// The same without a body.
#[track_caller]
fn invoke_plain(script: &Script<'_>) -> String {
    invoke(script, &json!({}))
}
