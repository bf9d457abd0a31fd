//! How much an app keeps, and how much it may.

use serde_json::json;

use crate::harness::TestCloud;

#[test]
fn what_scripts_keep_is_told_and_bounded() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve(
        "/write/{n}",
        "kv::set(\"k/\" + request.params.n, \"12345678\"); \"written\"",
    );
    app.serve("/read", "kv::list(\"k/\").entries.len");
    app.serve("/delete", "kv::delete(\"k/1\"); \"deleted\"");
    let usage = || cloud.owner().get(&app.path("/usage")).expect(200).json();
    let quotas = json!({ "data_bytes_max": 1_073_741_824, "data_rows_max": 10_000_000 });
    let nothing = json!({ "bytes": 0, "rows": 0 });
    assert_eq!(
        usage(),
        json!({ "kv": nothing, "docs": nothing, "quotas": quotas })
    );

    cloud.get("a.test", "/write/1").says("written");
    assert_eq!(usage()["kv"], json!({ "bytes": 13, "rows": 1 }));
    let set = |body| cloud.owner().patch(&app.path("/quotas"), &body);
    assert_eq!(
        set(json!({ "data_bytes_max": 20 })).expect(200).json(),
        json!({ "data_bytes_max": 20, "data_rows_max": 10_000_000 })
    );
    let problem = cloud.get("a.test", "/write/2").problem(507, "quota_exceeded");
    assert!(
        !problem["detail"].to_string().contains("13"),
        "the public learns nothing of it: {problem}"
    );
    let message = app.executions("?status=error", 1)[0]["error"]["message"].to_string();
    assert!(
        message.contains("13 bytes") && message.contains("may keep 20") && message.contains("data_bytes_max"),
        "{message}"
    );
    cloud.get("a.test", "/read").says("1");
    cloud.get("a.test", "/delete").says("deleted");
    cloud.get("a.test", "/write/2").says("written");
    assert_eq!(set(json!({ "data_bytes_max": null })).expect(200).json(), quotas);
    cloud.get("a.test", "/write/3").says("written");
}

#[test]
fn quotas_that_cannot_be_are_refused() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    for body in [
        json!({ "data_bytes_max": -1 }),
        json!({ "data_rows_max": 1_u64 << 51 }),
        json!({ "data_rows_max": "many" }),
        json!({ "other": 1 }),
    ] {
        cloud
            .owner()
            .patch(&app.path("/quotas"), &body)
            .problem(422, "validation_failed");
    }
    cloud.owner().patch(&app.path("/quotas"), &json!({})).expect(200);
    cloud
        .owner()
        .patch("/admin/apps/nothing/quotas", &json!({}))
        .problem(404, "not_found");
}
