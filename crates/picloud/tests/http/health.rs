//! `/healthz`, `/readyz` and `/version`: open to everybody, on every host.

use serde_json::json;

use crate::harness::TestCloud;

#[test]
fn healthz_says_that_the_process_lives() {
    let cloud = TestCloud::start();
    let answer = cloud.get("no-app-claims.this", "/healthz").expect(200);
    assert_eq!(answer.json(), json!({ "status": "ok" }));
}

#[test]
fn readyz_tells_the_state_of_each_part() {
    let cloud = TestCloud::start();
    let answer = cloud.get("localhost", "/readyz").expect(200).json();
    let text = answer.to_string();
    for part in ["database", "routing", "executor"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
}

#[test]
fn version_names_program_api_schema_and_database() {
    let cloud = TestCloud::start();
    let version = cloud.get("localhost", "/version").expect(200).json();
    assert_eq!(version["name"], "picloud");
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(version["api"], "v1");
    assert!(
        version["schema"].as_i64().is_some_and(|schema| schema >= 1),
        "{version}"
    );
    assert_eq!(
        version["database"],
        if TestCloud::is_on_postgres() {
            "postgres"
        } else {
            "sqlite"
        }
    );
    assert!(version["commit"].is_string(), "{version}");
}

#[test]
fn they_answer_head_and_refuse_other_methods() {
    let cloud = TestCloud::start();
    for path in ["/healthz", "/readyz", "/version"] {
        let head = cloud.call("HEAD", "localhost", path).send().expect(200);
        assert!(head.body.is_empty(), "{path}");
        let answer = cloud.call("POST", "localhost", path).send();
        assert!(
            answer.header("allow").is_some_and(|allow| allow.contains("GET")),
            "{path}: {:?}",
            answer.headers
        );
        answer.problem(405, "method_not_allowed");
    }
}

#[test]
fn what_is_reserved_but_not_there_is_not_found() {
    let cloud = TestCloud::start();
    for path in [
        "/api",
        "/api/v1/nothing",
        "/api/v2/admin/apps",
        "/metrics/x",
        "/healthz/x",
    ] {
        cloud.get("localhost", path).problem(404, "not_found");
    }
}
