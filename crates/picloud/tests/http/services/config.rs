//! Configuration of an app, through the whole program.

use serde_json::{Value, json};

use crate::harness::{App, TestCloud, items};

#[track_caller]
fn set(app: &App<'_>, name: &str, value: &Value) -> Value {
    let path = app.path(&format!("/config/{name}"));
    app.cloud
        .owner()
        .put(&path, &json!({ "value": value }))
        .expect(200)
        .json()
}

fn release(app: &App<'_>) -> u64 {
    let releases = items(app.cloud.owner().get(&app.path("/releases")));
    releases[0]["number"].as_u64().expect("a number")
}

#[test]
fn the_next_call_has_what_was_set() {
    let cloud = TestCloud::start();
    let (one, two) = (cloud.app_with_domain("one"), cloud.app_with_domain("two"));
    for app in [&one, &two] {
        app.serve("/", "config::get(\"A\", \"none\")");
        app.serve("/must", "config::get(\"A\")");
    }
    cloud.get("one.test", "/").says("none");
    for value in ["first", "second"] {
        let item = set(&one, "A", &json!(value));
        assert_eq!((&item["name"], &item["value"]), (&json!("A"), &json!(value)));
        cloud.get("one.test", "/").says(value);
        cloud.get("one.test", "/must").says(value);
    }
    cloud.get("two.test", "/").says("none");
    cloud.get("two.test", "/must").problem(500, "script_error");
    let error = &two.executions("?status=error", 1)[0]["error"];
    assert!(error.to_string().contains("no value `A`"), "{error}");
    cloud.start_again();
    cloud.get("one.test", "/").says("second");
    let deep = json!({ "list": [1, 2.5, true, null], "text": "ä\u{0}" });
    set(&one, "A", &deep);
    assert_eq!(cloud.get("one.test", "/").expect(200).json(), deep);
    cloud.owner().delete(&one.path("/config/A")).expect(204);
    cloud.get("one.test", "/").says("none");
    cloud
        .owner()
        .delete(&one.path("/config/A"))
        .problem(404, "not_found");
}

#[test]
fn it_is_a_part_of_releases() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/", "`${config::get(\"A\", 0)} ${config::get(\"B\", 0)}`");
    set(&app, "A", &json!(1));
    let old = release(&app);
    set(&app, "A", &json!(1));
    assert_eq!(release(&app), old, "nothing has changed");
    set(&app, "A", &json!(2));
    set(&app, "B", &json!(2));
    cloud.get("a.test", "/").says("2 2");

    let got = cloud
        .owner()
        .get(&app.path(&format!("/releases/{old}")))
        .expect(200)
        .json();
    assert_eq!(got["manifest"]["config"], json!({ "A": 1 }));
    let compare = app.path(&format!("/releases:compare?from={old}&to={}", old + 2));
    let changes = cloud.owner().get(&compare).expect(200).json();
    let changes = changes.get("changes").unwrap_or(&changes);
    let expected = json!([
        { "change": "changed", "name": "A", "before": 1, "after": 2 },
        { "change": "added", "name": "B", "before": null, "after": 2 },
    ]);
    assert_eq!(changes["config"], expected);

    let restore = app.path(&format!("/releases/{old}:restore"));
    cloud.owner().post(&restore, &json!({})).expect(201);
    cloud.get("a.test", "/").says("1 0");

    let mut bundle = json!({ "scripts": [{ "name": "n", "source": "config::get(\"A\", \"none\")" }],
        "routes": [{ "script": "n", "path": "/", "methods": ["GET"] }] });
    let deploy = |bundle: &Value, status| {
        cloud.owner().post(&app.path("/releases"), bundle).expect(status);
        cloud.get("a.test", "/").text()
    };
    assert_eq!(deploy(&bundle, 201), "1", "what it does not mention stays");
    bundle["config"] = json!({ "A": "bundled" });
    assert_eq!(deploy(&bundle, 201), "bundled");
    assert_eq!(deploy(&bundle, 200), "bundled", "nothing differs");
    bundle["config"] = json!({});
    assert_eq!(deploy(&bundle, 201), "none");
    bundle["config"] = json!({ "2A": 1 });
    let problem = cloud.owner().post(&app.path("/releases"), &bundle);
    assert_eq!(
        problem.problem(422, "validation_failed")["errors"][0]["field"],
        "config.2A"
    );
}

#[test]
fn a_test_run_sees_what_is_set_now() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    set(&app, "A", &json!([1]));
    let run = json!({ "source": "config::get(\"A\")" });
    let tried = cloud
        .owner()
        .post(&app.path("/scripts:run"), &run)
        .expect(200)
        .json();
    assert_eq!(tried["response"]["body"], "[1]");
}

#[test]
fn what_is_no_name_or_too_large_is_refused() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let problem = cloud
        .owner()
        .put(&app.path("/config/a-b"), &json!({ "value": 1 }));
    assert_eq!(
        problem.problem(422, "validation_failed")["errors"][0]["field"],
        "name"
    );
    let large = "x".repeat(32 * 1_024);
    let problem = cloud
        .owner()
        .put(&app.path("/config/A"), &json!({ "value": large }));
    assert_eq!(
        problem.problem(422, "validation_failed")["errors"][0]["field"],
        "value"
    );
    let problem = cloud.owner().put(&app.path("/config/A"), &json!({}));
    assert_eq!(
        problem.problem(422, "validation_failed")["errors"][0]["field"],
        "value"
    );
    for number in 0..7 {
        set(&app, &format!("L{number}"), &json!(&large[2..]));
    }
    set(&app, "SMALL", &json!(&large[4_096..]));
    let problem = cloud
        .owner()
        .put(&app.path("/config/MORE"), &json!({ "value": &large[2..] }));
    problem.problem(409, "limit_reached");
}
