//! How much an app keeps, and how much it may.

use std::time::Instant;

use serde_json::{Value, json};

use crate::harness::{App, TestCloud, WAIT_MAX, until};

/// What was used of the services today, once services were called so often. Runs are counted shortly after the answer.
#[track_caller]
fn calls_today(app: &App<'_>, calls: u64) -> Value {
    let start = Instant::now();
    loop {
        let usage = app.cloud.owner().get(&app.path("/usage")).expect(200).json();
        let today = &usage["calls"]["today"];
        if today["calls"] == calls {
            // The tests may run over midnight.
            let days = usage["calls"]["days"].as_array().expect("days");
            assert!(calls == 0 || days.contains(today), "{usage}");
            return today.clone();
        }
        let so_far = today["calls"].as_u64().expect("a number");
        assert!(so_far < calls && start.elapsed() < WAIT_MAX, "{usage}");
    }
}

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
    let quotas =
        json!({ "data_bytes_max": 1_073_741_824, "data_rows_max": 10_000_000, "calls_per_day_max": null });
    let nothing = json!({ "bytes": 0, "rows": 0 });
    let before = usage();
    assert_eq!(
        (&before["kv"], &before["docs"], &before["quotas"]),
        (&nothing, &nothing, &quotas)
    );

    cloud.get("a.test", "/write/1").says("written");
    assert_eq!(usage()["kv"], json!({ "bytes": 13, "rows": 1 }));
    let set = |body| cloud.owner().patch(&app.path("/quotas"), &body);
    assert_eq!(
        set(json!({ "data_bytes_max": 20 })).expect(200).json(),
        json!({ "data_bytes_max": 20, "data_rows_max": 10_000_000, "calls_per_day_max": null })
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
        json!({ "calls_per_day_max": -1 }),
        json!({ "calls_per_day_max": 1_u64 << 51 }),
        json!({ "other": 1 }),
    ] {
        cloud
            .owner()
            .patch(&app.path("/quotas"), &body)
            .problem(422, "validation_failed");
    }
    let body = json!({ "calls_per_day_max": -1 });
    let problem = cloud.owner().patch(&app.path("/quotas"), &body);
    assert_eq!(
        problem.problem(422, "validation_failed")["errors"][0]["message"],
        "must be 0 to 1125899906842624, or null"
    );
    cloud.owner().patch(&app.path("/quotas"), &json!({})).expect(200);
    cloud
        .owner()
        .patch("/admin/apps/nothing/quotas", &json!({}))
        .problem(404, "not_found");
}

#[test]
fn calls_of_services_are_counted_by_day() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/nothing", "1");
    app.serve(
        "/use",
        "kv::set(\"a\", \"12345678\"); kv::get(\"b\"); docs::count(\"c\", #{}); 1",
    );
    app.serve("/fail", "kv::get(\"a\"); throw \"no\"");
    cloud.get("a.test", "/nothing").says("1");
    let none = calls_today(&app, 0);
    assert_eq!(none["services"], json!([]));
    for _ in 0..3 {
        cloud.get("a.test", "/use").says("1");
    }
    cloud.get("a.test", "/fail").expect(500);
    // A run that is only tried counts, too.
    let tried = json!({ "source": "kv::get(\"a\")" });
    cloud.owner().post(&app.path("/scripts:run"), &tried).expect(200);

    // The commits at the end of runs are no calls.
    let today = calls_today(&app, 3 * 3 + 2);
    let services = today["services"].as_array().expect("services");
    let calls = |name: &str| {
        let of = services.iter().find(|used| used["service"] == name);
        of.and_then(|used| used["calls"].as_u64())
    };
    assert_eq!(
        (calls("kv"), calls("docs"), calls("transaction")),
        (Some(8), Some(3), Some(0)),
        "{today}"
    );
    assert_eq!(today["bytes_written"], 3 * 11, "{today}");
}

#[test]
fn calls_of_services_are_bounded_by_the_day() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/nothing", "1");
    app.serve("/get", "kv::get(\"a\"); try { kv::get(\"b\") } catch { } 1");
    let set = |max: Value| {
        let body = json!({ "calls_per_day_max": max });
        let now = cloud
            .owner()
            .patch(&app.path("/quotas"), &body)
            .expect(200)
            .json();
        assert_eq!(now["calls_per_day_max"], max);
    };
    set(json!(20));
    cloud.get("a.test", "/get").says("1");
    // Runs are added up every now and then.
    let refused = until(507, || cloud.get("a.test", "/get"));
    let problem = refused.problem(507, "quota_exceeded");
    assert!(!problem["detail"].to_string().contains("20"), "{problem}");
    let message = app.executions("?status=error", 1)[0]["error"]["message"].to_string();
    assert!(
        message.contains("may do so 20 times") && message.contains("calls_per_day_max"),
        "{message}"
    );
    cloud.get("a.test", "/nothing").says("1");
    set(Value::Null);
    cloud.get("a.test", "/get").says("1");
}
