//! How many scripts run at one time: who waits, who is refused, and who is not concerned.

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::harness::{Answer, App, RawConnection, TestCloud, until};

/// Holds its place for as long as its client stays, if it is asked to.
const HOLD: &str = "if request.query.hold == \"1\" { sleep(300) } \"done\"";

/// An app with the script [`HOLD`] on `/`.
fn holding(cloud: &TestCloud, limits: serde_json::Value) -> App<'_> {
    let app = cloud.app_with_domain("a");
    let mut limits = limits;
    limits["timeout_ms"] = json!(300_000);
    app.script_with(json!({ "name": "hold", "source": HOLD, "limits": limits }))
        .route("/", &["GET"]);
    app
}

/// A request to that script, whose answer is not waited for.
fn begin(cloud: &TestCloud, query: &str) -> RawConnection {
    let mut connection = cloud.raw();
    connection
        .send(format!("GET /{query} HTTP/1.1\r\nHost: a.test\r\n\r\n"))
        .expect("the server reads");
    connection
}

/// Requests that hold all places until one to `path` is refused. A request
/// that holds a place may find the one before still there, and be refused itself; so there are as many as it takes.
#[track_caller]
fn fill(cloud: &TestCloud, path: &str) -> (Vec<RawConnection>, Answer) {
    let held = RefCell::new(Vec::new());
    let refused = until(429, || {
        held.borrow_mut().push(begin(cloud, "?hold=1"));
        cloud.get("a.test", path)
    });
    (held.into_inner(), refused)
}

#[test]
fn a_script_has_as_many_runs_as_its_limits_say() {
    let cloud = TestCloud::with().flag("--waiting-per-app-max", "0").start();
    let app = holding(&cloud, json!({ "concurrency_max": 1 }));
    app.serve("/other", "\"other\"");
    cloud.get("a.test", "/").says("done");

    let (held, refused) = fill(&cloud, "/");
    assert!(refused.header("retry-after").is_some_and(|after| after != "0"));
    refused.problem(429, "too_many_requests");
    cloud.get("a.test", "/other").says("other");
    cloud.get("localhost", "/hello/Ada").says("Hello, Ada!\n");

    // Clients that leave give their places back.
    drop(held);
    until(200, || cloud.get("a.test", "/")).says("done");
}

#[test]
fn an_app_has_as_many_runs_as_the_server_says_whichever_script_they_are_of() {
    let cloud = TestCloud::with()
        .flag("--runs-per-app-max", "2")
        .flag("--waiting-per-app-max", "0")
        .start();
    holding(&cloud, json!({})).serve("/other", "\"other\"");
    let (held, refused) = fill(&cloud, "/other");
    refused.problem(429, "too_many_requests");
    cloud.get("localhost", "/hello/Ada").says("Hello, Ada!\n");
    drop(held);
    until(200, || cloud.get("a.test", "/other")).says("other");
}

#[test]
fn who_waits_gets_the_place_of_who_leaves() {
    // One thread takes requests in the order in which they are sent.
    let cloud = TestCloud::with()
        .flag("--serving-threads", "1")
        .flag("--runs-per-app-max", "1")
        .flag("--waiting-per-app-max", "1")
        .flag("--waiting-seconds-max", "10")
        .start();
    holding(&cloud, json!({}));
    let held = begin(&cloud, "?hold=1");
    let mut waiting = begin(&cloud, "");
    let refused = cloud.get("a.test", "/").problem(429, "too_many_requests");
    assert!(refused.to_string().contains("as many requests wait"), "{refused}");
    cloud.get("localhost", "/hello/Ada").says("Hello, Ada!\n");
    drop(held);
    waiting.answer().says("done");
}

#[test]
fn waiting_ends_after_its_time() {
    let cloud = TestCloud::with()
        .flag("--runs-per-app-max", "1")
        .flag("--waiting-seconds-max", "1")
        .start();
    holding(&cloud, json!({}));
    let held = begin(&cloud, "?hold=1");
    let start = Instant::now();
    until(429, || cloud.get("a.test", "/")).problem(429, "too_many_requests");
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    drop(held);
}

#[test]
fn a_new_release_counts_the_runs_of_the_old_one() {
    let cloud = TestCloud::with().flag("--waiting-per-app-max", "0").start();
    let app = cloud.app_with_domain("a");
    let limits = json!({ "timeout_ms": 300_000, "concurrency_max": 1 });
    let script = app.script_with(json!({ "name": "hold", "source": HOLD, "limits": limits }));
    script.route("/", &["GET"]);
    let (held, _) = fill(&cloud, "/");
    script.save("\"new\"");
    cloud.get("a.test", "/").problem(429, "too_many_requests");
    let more = json!({ "limits": { "concurrency_max": 2 } });
    cloud.owner().patch(&script.path(""), &more).expect(200);
    cloud.get("a.test", "/").says("new");
    drop(held);
}

#[test]
fn the_bound_of_a_script_is_one_of_its_limits() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let script = app.script("s", "1");
    let limits = || cloud.owner().get(&script.path("")).expect(200).json()["limits"].clone();
    assert_eq!(limits()["concurrency_max"], 1_000_000);
    let set = |max: u64| {
        let body = json!({ "limits": { "concurrency_max": max } });
        cloud.owner().patch(&script.path(""), &body)
    };
    set(7).expect(200);
    assert_eq!(limits()["concurrency_max"], 7);
    set(0).problem(422, "validation_failed");
    set(1_000_001).problem(422, "validation_failed");
}
