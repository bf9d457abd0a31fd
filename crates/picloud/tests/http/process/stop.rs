//! An orderly stop.

use crate::harness::TestCloud;

#[test]
fn a_request_in_flight_is_answered_and_then_the_process_ends() {
    let cloud = TestCloud::with().flag("--serving-threads", "1").start();
    let app = cloud.app_with_domain("a");
    app.serve("/", "sleep(2); \"finished\"");
    let mut early = cloud.raw();
    early
        .send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        .expect("the server reads");
    // The only serving thread takes connections in order, so once this one is answered the early one runs.
    cloud.get("localhost", "/").expect(200);
    cloud.process().signal("TERM");
    early.answer().says("finished");
    let (status, _) = cloud.process().wait();
    assert!(status.success(), "{status}: {}", cloud.process().log());
}

#[test]
fn what_takes_too_long_is_cancelled() {
    let cloud = TestCloud::with()
        .flag("--serving-threads", "1")
        .flag("--drain-seconds", "1")
        .start();
    let app = cloud.app_with_domain("a");
    app.script_with(
        serde_json::json!({ "name": "s", "source": "sleep(100)", "limits": { "timeout_ms": 300_000 } }),
    )
    .route("/", &["GET"]);
    let mut early = cloud.raw();
    early
        .send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        .expect("the server reads");
    cloud.get("localhost", "/").expect(200);
    cloud.process().signal("TERM");
    let answer = early.read_to_end().expect("the server closes");
    let text = String::from_utf8_lossy(&answer);
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 503"), "{text}");
    let (status, _) = cloud.process().wait();
    assert!(status.success(), "{status}: {}", cloud.process().log());
    cloud.start_again();
    let record = app.executions("", 1).remove(0);
    assert_eq!(record["status"], "cancelled", "{record}");
}

#[test]
fn idle_connections_do_not_hold_it_up() {
    let cloud = TestCloud::start();
    let mut idle = cloud.raw();
    idle.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .expect("the server reads");
    idle.answer().expect(200);
    let _silent = cloud.raw();
    let start = std::time::Instant::now();
    cloud.process().signal("INT");
    let (status, _) = cloud.process().wait();
    assert!(status.success(), "{status}");
    assert!(start.elapsed().as_secs() < 15, "{:?}", start.elapsed());
}
