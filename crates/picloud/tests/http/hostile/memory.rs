//! What all scripts hold together.

use std::time::Instant;

use serde_json::json;

use crate::harness::{RawConnection, TestCloud, WAIT_MAX};

/// Holds a blob of the size in the query for as long as its client stays.
const HOLD: &str = "let b = blob(request.query.bytes.parse_int()); sleep(300); b.len()";

/// The least that a server can be told.
const BYTES_MAX: usize = 32 * 1_024 * 1_024;

fn start() -> TestCloud {
    let cloud = TestCloud::with()
        .flag("--script-memory-bytes-max", &BYTES_MAX.to_string())
        .flag("--request-body-bytes-max", "100000000")
        .start();
    let app = cloud.app_with_domain("a");
    let limits = json!({ "memory_bytes_max": 256 * 1_024 * 1_024, "timeout_ms": 300_000 });
    app.script_with(json!({ "name": "hold", "source": HOLD, "limits": limits }))
        .route("/", &["GET"]);
    app.serve("/size", "request.bytes.len()");
    cloud
}

fn hold(cloud: &TestCloud, bytes: usize) -> RawConnection {
    let mut connection = cloud.raw();
    connection
        .send(format!("GET /?bytes={bytes} HTTP/1.1\r\nHost: a.test\r\n\r\n"))
        .expect("the server reads");
    connection
}

#[test]
fn a_run_that_would_break_the_servers_budget_is_ended_and_says_why() {
    let cloud = start();
    let app = cloud.existing_app("a");
    cloud
        .get("a.test", &format!("/?bytes={}", BYTES_MAX + 1))
        .problem(500, "script_limit_exceeded");
    let record = app.executions("?status=limit_exceeded", 1).remove(0);
    let id = record["id"].as_str().expect("an id").to_owned();
    let record = cloud
        .owner()
        .get(&format!("/admin/executions/{id}"))
        .expect(200)
        .json();
    assert_eq!(record["error"]["kind"], "memory", "{record}");
    let message = record["error"]["message"].as_str().expect("a message");
    assert!(message.contains("script_memory_bytes_max"), "{message}");
    cloud.get("localhost", "/hello/Ada").says("Hello, Ada!\n");
}

#[test]
fn nothing_new_begins_while_the_budget_is_exhausted_and_the_server_can_still_be_managed() {
    let cloud = start();
    let large = hold(&cloud, BYTES_MAX - 600_000);
    let begun = Instant::now();
    let mut small = Vec::new();
    let refused = loop {
        small.push(hold(&cloud, 8_000));
        let answer = cloud.get("localhost", "/hello/Ada");
        if answer.status != 200 {
            break answer;
        }
        assert!(begun.elapsed() < WAIT_MAX, "{} runs wait", small.len());
    };
    assert!(refused.header("retry-after").is_some());
    refused.problem(503, "overloaded");
    cloud.owner().get("/admin/apps").expect(200);
    cloud.existing_app("a").serve("/more", "1");

    drop((large, small));
    while cloud.get("localhost", "/hello/Ada").status != 200 {
        assert!(begun.elapsed() < WAIT_MAX, "what was held is not given back");
    }
}

#[test]
fn bodies_count_while_they_are_read() {
    let cloud = start();
    let post = |bytes: usize| {
        cloud
            .call("POST", "a.test", "/size")
            .body("x".repeat(bytes))
            .send()
    };
    post(1_000_000).says("1000000");
    post(BYTES_MAX + 1_000_000).problem(503, "overloaded");
    post(1_000_000).says("1000000");
}
