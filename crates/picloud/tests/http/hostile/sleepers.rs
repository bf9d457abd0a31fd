//! Scripts that wait cost no thread.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::TestCloud;

const SLEEPERS: usize = 1_000;
/// One after the other on two threads they would take more than eight minutes.
const FINISH_MAX: Duration = Duration::from_secs(20);

#[test]
fn a_thousand_scripts_sleep_at_once_on_two_threads() {
    let cloud = TestCloud::with().flag("--serving-threads", "2").start();
    let app = cloud.app_with_domain("a");
    let fields = json!({ "name": "s", "source": "sleep(1); \"rested\"", "limits": { "timeout_ms": 60_000 } });
    app.script_with(fields).route("/", &["GET"]);

    let start = Instant::now();
    let mut connections: Vec<_> = (0..SLEEPERS).map(|_| cloud.raw()).collect();
    for connection in &mut connections {
        connection
            .send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
            .expect("the server reads");
    }
    cloud.get("localhost", "/hello/Ada").says("Hello, Ada!\n");
    for connection in &mut connections {
        connection.answer().says("rested");
    }
    let taken = start.elapsed();
    assert!(taken >= Duration::from_secs(1), "nobody slept: {taken:?}");
    assert!(taken < FINISH_MAX, "{taken:?}");
}

#[test]
fn a_client_that_leaves_ends_its_run() {
    let cloud = TestCloud::with().flag("--serving-threads", "1").start();
    let app = cloud.app_with_domain("a");
    let fields = json!({ "name": "s", "source": "sleep(300); 1", "limits": { "timeout_ms": 300_000 } });
    app.script_with(fields).route("/", &["GET"]);
    for _ in 0..50 {
        let mut connection = cloud.raw();
        connection
            .send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
            .expect("the server reads");
    }
    cloud.get("localhost", "/").expect(200);
    // Each is recorded, although it never answered.
    let records = app.executions("?status=cancelled&limit=100", 50);
    assert_eq!(records.len(), 50, "each once");
    let record = &records[0];
    assert_eq!(
        (&record["trigger"], &record["response_status"]),
        (&json!("http"), &json!(0)),
        "{record}"
    );
    assert_eq!(record["error"]["kind"], "cancelled", "{record}");
    assert_eq!(record["request"]["path"], "/", "{record}");
    // Nothing is left to wait for, so a stop does not take the 30 s that running scripts would get.
    let start = Instant::now();
    cloud.process().signal("TERM");
    cloud.process().wait();
    assert!(start.elapsed() < FINISH_MAX, "{:?}", start.elapsed());
}
