//! `/api/v1/openapi.json`. That answers are as it says is checked by every call that any test makes.

use crate::harness::{Schema, TestCloud};

#[test]
fn is_an_open_3_1_document_for_everybody() {
    let cloud = TestCloud::start();
    let document = cloud.get("localhost", "/api/v1/openapi.json").expect(200).json();
    assert!(
        document["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1")),
        "{}",
        document["openapi"]
    );
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert!(
        document["components"]["securitySchemes"].is_object(),
        "it says how to sign in"
    );
}

#[test]
fn describes_every_operation_that_clients_rely_on() {
    let cloud = TestCloud::start();
    let document = cloud.get("localhost", "/api/v1/openapi.json").expect(200).json();
    let operations = Schema::new(document.clone()).operations();
    let described: Vec<String> = operations
        .iter()
        .map(|(method, path)| format!("{method} {}", unnamed(path)))
        .collect();
    for wanted in OPERATIONS {
        assert!(
            described.iter().any(|operation| operation == wanted),
            "{wanted} is missing in {described:#?}"
        );
    }
    let mut ids = Vec::new();
    for (method, path) in &operations {
        let operation = &document["paths"][path][method.to_lowercase()];
        ids.push(
            operation["operationId"]
                .as_str()
                .unwrap_or_else(|| panic!("{method} {path} has no operationId")),
        );
    }
    ids.sort_unstable();
    assert!(
        ids.is_sorted_by(|one, next| one < next),
        "an operationId stands twice: {ids:?}"
    );
}

#[test]
fn every_body_has_an_example_that_is_as_described() {
    let cloud = TestCloud::start();
    let document = cloud.get("localhost", "/api/v1/openapi.json").expect(200).json();
    let faults = Schema::new(document).faults_of_examples();
    assert!(faults.is_empty(), "{faults:#?}");
}

/// What clients rely on; each parameter is `{}`.
const OPERATIONS: [&str; 39] = [
    "GET /healthz",
    "GET /readyz",
    "GET /version",
    "GET /api/v1/openapi.json",
    "POST /api/v1/admin/setup",
    "POST /api/v1/admin/auth/login",
    "POST /api/v1/admin/auth/logout",
    "GET /api/v1/admin/auth/me",
    "GET /api/v1/admin/auth/sessions",
    "DELETE /api/v1/admin/auth/sessions/{}",
    "POST /api/v1/admin/auth/password",
    "GET /api/v1/admin/apps",
    "POST /api/v1/admin/apps",
    "POST /api/v1/admin/apps/slug:check",
    "GET /api/v1/admin/apps/{}",
    "PATCH /api/v1/admin/apps/{}",
    "DELETE /api/v1/admin/apps/{}",
    "GET /api/v1/admin/apps/{}/domains",
    "POST /api/v1/admin/apps/{}/domains",
    "DELETE /api/v1/admin/apps/{}/domains/{}",
    "GET /api/v1/admin/scripts",
    "POST /api/v1/admin/scripts",
    "GET /api/v1/admin/scripts/{}",
    "PATCH /api/v1/admin/scripts/{}",
    "DELETE /api/v1/admin/scripts/{}",
    "GET /api/v1/admin/scripts/{}/versions",
    "GET /api/v1/admin/scripts/{}/versions/{}",
    "POST /api/v1/admin/scripts/{}/rollback",
    "GET /api/v1/admin/routes",
    "POST /api/v1/admin/routes",
    "PATCH /api/v1/admin/routes/{}",
    "DELETE /api/v1/admin/routes/{}",
    "POST /api/v1/admin/apps/{}/routes:match",
    "POST /api/v1/admin/apps/{}/scripts:check",
    "POST /api/v1/admin/apps/{}/scripts:run",
    "GET /api/v1/admin/apps/{}/releases",
    "GET /api/v1/admin/apps/{}/executions",
    "GET /api/v1/admin/executions/{}",
    "GET /api/v1/problems/{}",
];

/// `path` with the names of its parameters left out.
fn unnamed(path: &str) -> String {
    let mut result = String::new();
    let mut inside = false;
    for c in path.chars() {
        inside = (inside || c == '{') && c != '}';
        if !inside || c == '{' {
            result.push(c);
        }
    }
    result
}
