//! The record of a run that writes is in the transaction of its commit.

use std::{sync::Mutex, thread};

use serde_json::{Value, json};

use crate::harness::{TestCloud, rounds};

/// Few enough that each run is recorded one by one.
const CLIENTS: usize = 8;
const REQUESTS: usize = 6;

/// The requests that were answered well, by their ids.
fn answered(cloud: &TestCloud, path: &str) -> Vec<String> {
    let answered = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                for _ in 0..REQUESTS {
                    let answer = cloud.get_in_turn("a.test", path).expect(200);
                    let id = answer.header("x-request-id").expect("an id").to_owned();
                    answered.lock().expect("no client panics").push(id);
                }
            });
        }
    });
    answered.into_inner().expect("no client panics")
}

fn record(cloud: &TestCloud, id: &str) -> Value {
    cloud
        .owner()
        .get(&format!("/admin/executions/{id}"))
        .expect(200)
        .json()
}

#[test]
fn a_record_is_there_as_soon_as_the_answer_is() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/kv", "log::info(\"kept\"); kv::set(request.query.key, 1); \"\"");
    app.serve(
        "/docs",
        "log::info(\"kept\"); docs::insert(\"notes\", request.query.key, #{n: 1}); \"\"",
    );
    app.serve(
        "/both",
        "log::info(\"kept\"); kv::set(request.query.key, 1); docs::insert(\"notes\", request.query.key, #{n: 1}); \"\"",
    );
    for round in 0..rounds(2) {
        for path in ["/kv", "/docs", "/both"] {
            let answer = cloud
                .get("a.test", &format!("{path}?key={}{round}", &path[1..]))
                .expect(200);
            let id = answer.header("x-request-id").expect("an id").to_owned();
            cloud.kill9();
            cloud.start_again();
            let record = record(&cloud, &id);
            assert_eq!(
                (
                    &record["status"],
                    &record["response_status"],
                    &record["logs"][0]["message"]
                ),
                (&json!("success"), &json!(200), &json!("kept")),
                "{record}"
            );
            assert_eq!(record["request"]["path"], path, "{record}");
        }
    }
}

#[test]
fn runs_that_meet_leave_one_record_each_and_count_once() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/incr", "log::info(`${kv::incr(\"n\")}`); \"\"");
    let ids = answered(&cloud, "/incr");
    assert_eq!(ids.len(), CLIENTS * REQUESTS);
    let mut seen: Vec<u64> = ids
        .iter()
        .map(|id| {
            let record = record(&cloud, id);
            let logs = record["logs"].as_array().expect("a log");
            assert_eq!(logs.len(), 1, "{record}");
            let message = logs[0]["message"].as_str().expect("a message");
            message.parse().expect("a number")
        })
        .collect();
    seen.sort_unstable();
    // What the record says is what has taken effect.
    let all: Vec<u64> = (1..=ids.len() as u64).collect();
    assert_eq!(seen, all);
    let listed = app.executions("?limit=200", ids.len());
    assert_eq!(listed.len(), ids.len());

    // A failure is written by the recorder, after all that it was given before.
    app.serve("/fail", "throw \"no\"");
    cloud.get("a.test", "/fail").problem(500, "script_error");
    app.executions("?status=error", 1);
    let stats = cloud
        .owner()
        .get(&app.path("/executions:stats"))
        .expect(200)
        .json();
    assert_eq!(
        (
            &stats["total"]["counts"]["success"],
            &stats["total"]["counts"]["error"]
        ),
        (&json!(ids.len()), &json!(1)),
        "{stats}"
    );
}

#[test]
fn a_run_that_is_refused_at_its_end_has_the_record_of_a_failure() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/set", "kv::set_many(#{\"a\": 1, \"b\": 2}); \"\"");
    cloud
        .owner()
        .patch(&app.path("/quotas"), &json!({ "data_rows_max": 1 }))
        .expect(200);
    cloud.get("a.test", "/set").problem(507, "quota_exceeded");
    let records = app.executions("", 1);
    assert_eq!(
        (
            records.len(),
            &records[0]["status"],
            &records[0]["response_status"]
        ),
        (1, &json!("error"), &json!(507)),
        "{records:?}"
    );
}

#[test]
fn a_run_from_the_editor_that_keeps_its_writes_is_recorded_with_them() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let body = json!({ "source": "log::info(\"kept\"); kv::set(\"a\", 1); 1", "keep_writes": true });
    let answer = cloud.owner().post(&app.path("/scripts:run"), &body).expect(200);
    let id = answer.header("x-request-id").expect("an id").to_owned();
    cloud.kill9();
    cloud.start_again();
    let record = record(&cloud, &id);
    assert_eq!(
        (
            &record["trigger"],
            &record["status"],
            &record["logs"][0]["message"]
        ),
        (&json!("test"), &json!("success"), &json!("kept")),
        "{record}"
    );
}
