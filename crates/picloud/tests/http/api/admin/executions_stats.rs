//! `/api/v1/admin/apps/{app}/executions:stats`: runs in numbers.

use std::time::Instant;

use serde_json::{Value, json};

use crate::harness::{App, TestCloud, WAIT_MAX};

/// More than are recorded one by one at once.
const MANY: u64 = 130;

/// The numbers, once there are `runs` of them. Runs are counted shortly after the answer.
#[track_caller]
fn stats(app: &App<'_>, query: &str, runs: u64) -> Value {
    let start = Instant::now();
    loop {
        let path = app.path(&format!("/executions:stats{query}"));
        let stats = app.cloud.owner().get(&path).expect(200).json();
        let counts = stats["total"]["counts"].as_object().expect("counts");
        let found: u64 = counts.values().filter_map(Value::as_u64).sum();
        if found == runs {
            return stats;
        }
        assert!(found < runs && start.elapsed() < WAIT_MAX, "{runs}: {stats}");
    }
}

#[test]
fn every_run_counts_also_without_a_record() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let good = app.serve("/good", "1");
    app.serve("/bad", "throw \"x\"");
    app.script_with(json!({ "name": "slow", "source": "sleep(100)", "limits": { "timeout_ms": 50 } }))
        .route("/slow", &["GET"]);
    // Another app's runs are in none of these numbers.
    cloud.app_with_domain("b").serve("/", "1");
    cloud.get("b.test", "/").says("1");
    for _ in 0..MANY {
        cloud.get("a.test", "/good").says("1");
    }
    cloud.get("a.test", "/bad").expect(500);
    cloud.get("a.test", "/slow").problem(504, "script_timeout");

    let all = stats(&app, "", MANY + 2);
    let total = &all["total"];
    assert_eq!(
        total["counts"],
        json!({ "success": MANY, "error": 1, "timeout": 1, "limit_exceeded": 0, "cancelled": 0 })
    );
    let took = ["p50_us", "p95_us", "p99_us"].map(|field| total[field].as_u64().expect("a duration"));
    assert!(took.is_sorted() && took[0] > 0, "{total}");
    let buckets = all["buckets"].as_array().expect("buckets");
    let successes: u64 = buckets
        .iter()
        .filter_map(|bucket| bucket["counts"]["success"].as_u64())
        .sum();
    assert_eq!(successes, MANY);

    let listed = crate::harness::items(cloud.owner().get("/admin/apps"));
    let listed = listed
        .iter()
        .find(|listed| listed["slug"] == "a")
        .expect("it is listed");
    assert_eq!(
        (&listed["runs_24h"], &listed["errors_24h"]),
        (&json!(MANY + 2), &json!(2))
    );
    assert!(
        listed["last_run_at"].as_str() > listed["created_at"].as_str(),
        "{listed}"
    );

    let of_script = stats(&app, &format!("?script={}", good.id), MANY);
    assert_eq!(of_script["total"]["counts"]["error"], 0);
}

#[test]
fn time_is_cut_as_asked_for() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let get = |query: &str| cloud.owner().get(&app.path(&format!("/executions:stats{query}")));
    let day = get("").expect(200).json();
    assert_eq!(day["buckets"].as_array().map(Vec::len), Some(60));
    assert_eq!(
        (&day["bucket_s"], &day["total"]["p50_us"]),
        (&json!(1_440), &Value::Null)
    );

    let hour = get("?since=2024-05-01T09:59:30Z&until=2024-05-01T11:00:00Z&buckets=12")
        .expect(200)
        .json();
    assert_eq!(
        (&hour["since"], &hour["until"], &hour["bucket_s"]),
        (
            &json!("2024-05-01T10:00:00.000Z"),
            &json!("2024-05-01T11:00:00.000Z"),
            &json!(300)
        )
    );
    let buckets = hour["buckets"].as_array().expect("buckets");
    assert_eq!(buckets.len(), 12);
    assert_eq!(buckets[1]["start"], "2024-05-01T10:05:00.000Z");
    assert_eq!(buckets[1]["counts"]["success"], 0);

    for (query, field) in [
        ("?buckets=0", "buckets"),
        ("?buckets=241", "buckets"),
        ("?since=2024-05-01T10:00:00Z&until=2024-05-01T10:00:00Z", "since"),
        ("?until=yesterday", "until"),
        ("?script=x", "script"),
        ("?colour=red", "colour"),
    ] {
        let problem = get(query).problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    get("?since=1970-01-01T00:00:00Z&until=9999-12-30T00:00:00Z&buckets=240").expect(200);
}
