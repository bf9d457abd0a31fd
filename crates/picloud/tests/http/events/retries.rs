//! Runs that fail.

use serde_json::json;

use super::{app, invoke_plain, kept, wait_for};
use crate::harness::TestCloud;

#[test]
fn a_script_that_fails_runs_again_and_leaves_nothing_of_the_runs_before() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let script = app.script(
        "unsteady",
        "kv::incr(\"n\");
         if request.event.attempt < 3 { retry::after(0, \"not yet\") }
         kv::set(\"attempt\", request.event.attempt);
         1",
    );
    let id = invoke_plain(&script);
    wait_for(&cloud, "attempt", &json!(3));
    assert_eq!(kept(&cloud, "n"), json!(1));
    let records = app.executions(&format!("?delivery={id}"), 3);
    let failed: Vec<_> = records
        .iter()
        .filter(|record| record["status"] == "error")
        .collect();
    assert_eq!((records.len(), failed.len()), (3, 2));
    let attempts: Vec<_> = records
        .iter()
        .map(|record| &record["delivery"]["attempt"])
        .collect();
    assert_eq!(attempts, [3, 2, 1]);
}

#[test]
fn an_answer_that_is_thrown_is_a_failure_and_one_that_is_returned_is_none() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let returns = app.script("returns", "kv::incr(\"returned\"); response(500, \"no\")");
    let throws = app.script("throws", "kv::incr(\"thrown\"); throw #{status: 404}");
    invoke_plain(&returns);
    wait_for(&cloud, "returned", &json!(1));
    invoke_plain(&throws);
    let record = app
        .executions(&format!("?trigger=async&script={}", throws.id), 1)
        .remove(0);
    assert_eq!(record["response_status"], 404);
    assert_eq!(kept(&cloud, "thrown"), json!(null));
}

#[test]
fn a_new_version_of_a_script_gets_what_the_old_one_failed_on() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let script = app.script("broken", "retry::after(1, \"broken\")");
    invoke_plain(&script);
    app.executions("?trigger=async&status=error", 1);
    script.save("kv::set(\"mended\", true); 1");
    wait_for(&cloud, "mended", &json!(true));
}
