//! A server that stops in peace.

use serde_json::json;

use super::{app, invoke_plain, kept, wait_for};
use crate::harness::TestCloud;

/// Takes long in a run that has begun before it is told to go.
const SOURCE: &str = "let told = kv::get(\"go\");
     kv::set(\"begun\", true);
     transaction::commit();
     kv::incr(\"n\");
     if told == () { sleep(250) }
     kv::set(\"attempt\", request.event.attempt);
     1";

#[test]
fn what_takes_too_long_is_given_back_and_runs_at_the_next_start() {
    let cloud = TestCloud::with().flag("--drain-seconds", "1").start();
    let app = app(&cloud);
    app.serve("/go", "kv::set(\"go\", true); \"\"");
    let limits = json!({ "timeout_ms": 300_000 });
    let script = app.script_with(json!({ "name": "long", "limits": limits, "source": SOURCE }));
    invoke_plain(&script);
    wait_for(&cloud, "begun", &json!(true));
    cloud.get("a.test", "/go").says("");
    cloud.process().signal("TERM");
    let (status, _) = cloud.process().wait();
    assert!(status.success(), "{status}: {}", cloud.process().log());
    cloud.start_again();
    // A stop uses up no attempt.
    wait_for(&cloud, "attempt", &json!(1));
    assert_eq!(kept(&cloud, "n"), json!(1));
    let records = app.executions("?trigger=async", 2);
    let cancelled = records.iter().filter(|record| record["status"] == "cancelled");
    assert_eq!(cancelled.count(), 1, "{records:#?}");
}

#[test]
fn what_runs_ends_before_the_server_does() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let script = app.script(
        "short",
        "kv::set(\"begun\", true); transaction::commit(); sleep(2); kv::set(\"ended\", true); 1",
    );
    invoke_plain(&script);
    wait_for(&cloud, "begun", &json!(true));
    cloud.process().signal("TERM");
    let (status, _) = cloud.process().wait();
    assert!(status.success(), "{status}: {}", cloud.process().log());
    cloud.start_again();
    assert_eq!(kept(&cloud, "ended"), json!(true));
    let records = app.executions("?trigger=async", 1);
    assert_eq!(records.len(), 1, "{records:#?}");
}
