//! `POST /api/v1/admin/apps/{app}/scripts:run`: a test run from the editor.

use serde_json::{Value, json};

use crate::harness::TestCloud;

fn run(cloud: &TestCloud, body: &Value) -> Value {
    cloud
        .owner()
        .post("/admin/apps/default/scripts:run", body)
        .expect(200)
        .json()
}

#[test]
fn gives_the_response_logs_and_use() {
    let cloud = TestCloud::start();
    let source = "log::info(\"looking\");\nprint(request.query.q);\nresponse(201, \"made \" + request.body).header(\"x-a\", \"b\")";
    let request = json!({ "method": "POST", "url": "http://localhost/things?q=7", "body": "it" });
    let result = run(&cloud, &json!({ "source": source, "request": request }));
    assert_eq!(result["response"]["status"], 201, "{result}");
    assert!(result["response"].to_string().contains("made it"), "{result}");
    assert!(
        result["response"]["headers"].to_string().contains("x-a"),
        "{result}"
    );
    assert_eq!(result["error"], Value::Null);
    let logs = result["logs"].as_array().expect("logs");
    assert_eq!(
        (&logs[0]["message"], &logs[0]["level"], &logs[0]["line"]),
        (&json!("looking"), &json!("info"), &json!(1))
    );
    assert_eq!((&logs[1]["message"], &logs[1]["line"]), (&json!("7"), &json!(2)));
    assert!(
        result["operations"].as_u64().is_some_and(|count| count > 0),
        "{result}"
    );
    assert!(result["duration_us"].as_u64().is_some(), "{result}");
}

#[test]
fn shows_the_error_with_its_trace() {
    let cloud = TestCloud::start();
    let source = "fn inner(x) {\n  x.no_such_function()\n}\nfn handle(request) {\n  inner(1)\n}";
    let result = run(&cloud, &json!({ "source": source, "request": {} }));
    let error = &result["error"];
    assert_eq!(
        (&error["kind"], &error["line"]),
        (&json!("runtime"), &json!(2)),
        "{result}"
    );
    assert!(
        error["message"]
            .as_str()
            .is_some_and(|text| text.contains("no_such_function")),
        "{error}"
    );
    assert!(
        error["excerpt"]
            .as_str()
            .is_some_and(|text| text.contains("x.no_such_function()")),
        "{error}"
    );
    assert!(error["trace"].to_string().contains("inner"), "{error}");
}

#[test]
fn runs_saved_scripts_and_old_versions() {
    let cloud = TestCloud::start();
    let script = cloud.existing_app("default").script("s", "\"one\"");
    script.save("\"two\"");
    let live = run(&cloud, &json!({ "script_id": script.id, "request": {} }));
    assert!(live["response"].to_string().contains("two"), "{live}");
    let old = run(
        &cloud,
        &json!({ "script_id": script.id, "version": 1, "request": {} }),
    );
    assert!(old["response"].to_string().contains("one"), "{old}");
}

#[test]
fn a_source_that_does_not_compile_is_no_fault_of_the_server() {
    let cloud = TestCloud::start();
    let answer = cloud.owner().post(
        "/admin/apps/default/scripts:run",
        &json!({ "source": "let = 1", "request": {} }),
    );
    match answer.status {
        200 => assert_eq!(answer.json()["error"]["kind"], "compile"),
        _ => assert_eq!(answer.problem(422, "script_invalid")["line"], 1),
    }
}

#[test]
fn limits_hold_in_a_test_run_too() {
    let cloud = TestCloud::start();
    let result = run(&cloud, &json!({ "source": "loop {}", "request": {} }));
    let kind = result["error"]["kind"].as_str().unwrap_or_default();
    assert!(matches!(kind, "operations" | "cpu_time"), "{result}");
}

#[test]
fn it_takes_a_source_or_a_script_of_this_app() {
    let cloud = TestCloud::start();
    let elsewhere = cloud.app("elsewhere").script("s", "1");
    let run = |body: Value| cloud.owner().post("/admin/apps/default/scripts:run", &body);
    run(json!({ "request": {} })).problem(422, "validation_failed");
    run(json!({ "source": "1", "script_id": elsewhere.id, "request": {} })).problem(422, "validation_failed");
    let answer = run(json!({ "script_id": elsewhere.id, "request": {} }));
    assert!(matches!(answer.status, 404 | 422), "{}", answer.text());
}

#[test]
fn only_a_run_that_keeps_its_writes_leaves_records() {
    let cloud = TestCloud::start();
    let app = cloud.existing_app("default");
    let source = "log::info(\"here\"); kv::set(\"a\", \"12345\"); kv::get(\"b\"); throw #{status: 418}";
    let tried = run(&cloud, &json!({ "source": source }));
    assert_eq!(tried["response"]["status"], 418, "{tried}");
    let kv = &tried["services"][0];
    assert_eq!(
        (&kv["service"], &kv["calls"]),
        (&json!("kv"), &json!(2)),
        "{tried}"
    );
    assert_eq!((&kv["bytes_written"], &kv["bytes_read"]), (&json!(8), &json!(0)));

    run(&cloud, &json!({ "source": source, "keep_writes": true }));
    let records = app.executions("?trigger=test", 1);
    assert_eq!(records.len(), 1, "{records:?}");
    let id = records[0]["id"].as_str().expect("an id");
    let path = format!("/admin/executions/{id}");
    let record = cloud.owner().get(&path).expect(200).json();
    assert_eq!(
        (
            &record["response_status"],
            &record["version"],
            &record["script_name"]
        ),
        (&json!(418), &json!(0), &json!("unsaved"))
    );
    assert_eq!(record["logs"][0]["message"], "here");
    assert_eq!(record["services"][0]["calls"], 2, "{record}");
    assert!(record["node"].as_str().is_some_and(|node| !node.is_empty()));
    let audit = cloud
        .owner()
        .get("/admin/audit?action=run_script")
        .expect(200)
        .json();
    let audit = audit["items"].as_array().expect("records");
    assert_eq!(audit.len(), 1, "{audit:?}");
    assert_eq!(audit[0]["after"]["status"], "success");
}
