//! `POST /api/v1/admin/apps/{app}/scripts:check`.

use serde_json::{Value, json};

use crate::harness::TestCloud;

fn check(cloud: &TestCloud, source: &str) -> Vec<Value> {
    let answer = cloud
        .owner()
        .post("/admin/apps/default/scripts:check", &json!({ "source": source }))
        .expect(200);
    answer.json()["diagnostics"]
        .as_array()
        .expect("diagnostics")
        .clone()
}

#[test]
fn a_good_source_has_no_errors() {
    let cloud = TestCloud::start();
    for source in [
        "1",
        "\"Hello, \" + (request.query.name ?? \"World\")",
        "fn handle(request) { request.path }",
    ] {
        let errors: Vec<Value> = check(&cloud, source)
            .into_iter()
            .filter(|diagnostic| diagnostic["severity"] == "error")
            .collect();
        assert_eq!(errors, Vec::<Value>::new(), "{source}");
    }
}

#[test]
fn a_mistake_is_shown_with_its_place() {
    let cloud = TestCloud::start();
    let diagnostics = check(&cloud, "let x = 1;\nlet y = x +;\n");
    let error = diagnostics
        .iter()
        .find(|diagnostic| diagnostic["severity"] == "error")
        .expect("an error");
    assert_eq!(error["line"], 2, "{error}");
    for field in ["column", "end_line", "end_column"] {
        assert!(error[field].as_u64().is_some_and(|number| number >= 1), "{error}");
    }
    assert!(
        error["message"].as_str().is_some_and(|text| !text.is_empty()),
        "{error}"
    );
}

#[test]
fn an_undefined_name_is_a_mistake() {
    let cloud = TestCloud::start();
    let diagnostics = check(&cloud, "requst.path");
    assert!(
        diagnostics
            .iter()
            .any(|diagnostic| diagnostic["severity"] == "error"),
        "{diagnostics:?}"
    );
}

#[test]
fn checking_saves_nothing() {
    let cloud = TestCloud::start();
    let before = cloud.owner().get("/admin/scripts").expect(200).json();
    check(&cloud, "1");
    assert_eq!(cloud.owner().get("/admin/scripts").expect(200).json(), before);
    cloud
        .owner()
        .post("/admin/apps/nothing/scripts:check", &json!({ "source": "1" }))
        .problem(404, "not_found");
}
