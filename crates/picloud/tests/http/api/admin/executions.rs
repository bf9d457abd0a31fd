//! `/api/v1/admin/apps/{app}/executions`: what is kept of runs.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{TestCloud, items};

const FAILING: &str = "fn deeper(x) {\n  log::warn(\"about to fail\");\n  throw \"the secret reason\";\n}\nfn handle(request) {\n  deeper(1)\n}";

#[test]
fn a_failure_is_recorded_in_full_and_kept_from_the_public() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let script = app.serve("/fail", FAILING);
    let answer = cloud.get("a.test", "/fail?x=1");
    assert!(!answer.text().contains("secret reason"), "{}", answer.text());
    let problem = answer.problem(500, "script_error");

    let listed = app.executions("?status=error", 1).remove(0);
    assert_eq!(
        listed["id"], problem["request_id"],
        "the record is found by the id that the caller has"
    );
    let expected = [
        "id",
        "app_id",
        "script_id",
        "script_name",
        "version",
        "trigger",
        "status",
        "started_at",
        "duration_us",
        "operations",
    ];
    let fields: BTreeSet<&str> = listed
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    assert!(fields.is_superset(&BTreeSet::from(expected)), "{listed}");

    let id = listed["id"].as_str().expect("an id");
    let record = cloud
        .owner()
        .get(&format!("/admin/executions/{id}"))
        .expect(200)
        .json();
    let error = &record["error"];
    assert_eq!(
        (&error["kind"], &error["line"]),
        (&json!("runtime"), &json!(3)),
        "{record}"
    );
    assert!(error["column"].as_u64().is_some(), "{error}");
    assert!(
        error["message"]
            .as_str()
            .is_some_and(|text| text.contains("the secret reason")),
        "{error}"
    );
    assert!(
        error["excerpt"]
            .as_str()
            .is_some_and(|text| text.contains("throw")),
        "{error}"
    );
    let functions: Vec<&Value> = error["trace"]
        .as_array()
        .expect("a trace")
        .iter()
        .map(|frame| &frame["function"])
        .collect();
    assert!(functions.contains(&&json!("deeper")), "{error}");
    assert_eq!(
        (&record["logs"][0]["message"], &record["logs"][0]["level"]),
        (&json!("about to fail"), &json!("warn"))
    );
    assert_eq!(record["logs"][0]["line"], 2);
    assert_eq!(
        (&record["script_id"], &record["version"]),
        (&json!(script.id), &json!(1))
    );
    assert!(
        record.to_string().contains("/fail"),
        "the request in short: {record}"
    );
}

#[test]
fn successes_are_recorded_too() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/", "log::info(\"fine\"); 1");
    cloud.get("a.test", "/").says("1");
    let record = app.executions("?status=success", 1).remove(0);
    assert_eq!(
        (&record["trigger"], &record["status"]),
        (&json!("http"), &json!("success"))
    );
}

#[test]
fn they_can_be_filtered() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let good = app.serve("/good", "\"fine\"");
    let bad = app.serve("/bad", "log::error(\"needle in the hay\"); throw \"x\"");
    cloud.get("a.test", "/good").says("fine");
    cloud.get("a.test", "/bad").expect(500);
    cloud.get("a.test", "/bad").expect(500);
    app.executions("", 3);
    let count = |query: &str| items(cloud.owner().get(&app.path(&format!("/executions{query}")))).len();
    assert_eq!(count(&format!("?script={}", good.id)), 1);
    assert_eq!(count(&format!("?script={}", bad.id)), 2);
    assert_eq!(count("?status=error"), 2);
    assert_eq!(count("?status=timeout"), 0);
    assert_eq!(count("?trigger=execute"), 0);
    assert_eq!(count("?q=NEEDLE"), 2);
    assert_eq!(count("?since=2000-01-01T00:00:00Z&until=2001-01-01T00:00:00Z"), 0);
    assert_eq!(count("?since=2000-01-01T00:00:00%2B01:00"), 3);
    for query in [
        "?status=odd",
        "?trigger=odd",
        "?since=yesterday",
        "?script=x",
        "?colour=red",
    ] {
        cloud
            .owner()
            .get(&app.path(&format!("/executions{query}")))
            .problem(422, "validation_failed");
    }
}

#[test]
fn newest_come_first_and_in_pages() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/{n}", "throw request.params.n");
    let ids: Vec<String> = (0..5)
        .map(|n| {
            cloud
                .get("a.test", &format!("/{n}"))
                .header("x-request-id")
                .expect("an id")
                .to_owned()
        })
        .collect();
    app.executions("", 5);
    let first = cloud
        .owner()
        .get(&app.path("/executions?limit=2"))
        .expect(200)
        .json();
    let cursor = first["next_cursor"].as_str().expect("more pages");
    let second = cloud
        .owner()
        .get(&app.path(&format!("/executions?limit=2&cursor={cursor}")))
        .expect(200)
        .json();
    let listed: Vec<&str> = [&first, &second]
        .into_iter()
        .flat_map(|page| page["items"].as_array().expect("items"))
        .filter_map(|record| record["id"].as_str())
        .collect();
    assert_eq!(listed, [&ids[4], &ids[3], &ids[2], &ids[1]]);
}

#[test]
fn logs_have_a_limit_and_the_run_goes_on() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let fields = json!({
        "name": "chatty",
        "source": "for i in 0..1000 { log::info(\"line \" + i); } throw \"end\"",
        "limits": { "log_bytes_max": 1_000 },
    });
    app.script_with(fields).route("/", &["GET"]);
    cloud.get("a.test", "/").problem(500, "script_error");
    let id = app.executions("", 1)[0]["id"].as_str().expect("an id").to_owned();
    let record = cloud
        .owner()
        .get(&format!("/admin/executions/{id}"))
        .expect(200)
        .json();
    let logs = record["logs"].as_array().expect("logs");
    let last = logs.last().expect("a last line");
    assert!(
        last["message"]
            .as_str()
            .is_some_and(|text| text.starts_with("[dropped ")),
        "{last}"
    );
    assert!(logs.len() < 200, "{} lines", logs.len());
    assert_eq!(record["error"]["kind"], "runtime");
}

#[test]
fn a_record_that_is_not_there_is_not_found() {
    let cloud = TestCloud::start();
    for id in ["01890a5d-ac96-774b-bcce-b302099a8057", "x"] {
        cloud
            .owner()
            .get(&format!("/admin/executions/{id}"))
            .problem(404, "not_found");
    }
}

#[test]
fn records_survive_an_orderly_stop() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/", "throw \"x\"");
    cloud.get("a.test", "/").expect(500);
    cloud.process().signal("TERM");
    cloud.process().wait();
    cloud.start_again();
    assert_eq!(app.executions("", 1).len(), 1);
}
