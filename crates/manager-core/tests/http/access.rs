//! No operation under `/api/v1/admin` works without credentials, but those that give them; and every operation that
//! is described is there.

use serde_json::{Value, json};

use crate::harness::TestManager;

const ENTRANCES: [&str; 4] = [
    "/api/v1/admin/setup",
    "/api/v1/admin/auth/login",
    "/api/v1/admin/invitations:preview",
    "/api/v1/admin/invitations:accept",
];
/// Answered by another service.
const ELSEWHERE: &str = "/api/v1/execute/";

#[tokio::test]
async fn every_operation_refuses_the_anonymous() {
    let (manager, _) = TestManager::owned().await;
    let mut tried = 0;
    for (method, path) in operations() {
        if path.starts_with("/api/v1/admin/") && !ENTRANCES.contains(&path.as_str()) {
            let body = (method != "GET").then(|| json!({ "unknown": true }));
            let answer = manager.send(&method, &path, &[], body.as_ref()).await;
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{method} {path}");
            answer.problem(401, "unauthenticated");
            tried += 1;
        }
    }
    assert!(tried > 30, "only {tried} operations");
}

#[tokio::test]
async fn every_operation_that_is_described_is_there() {
    let (manager, token) = TestManager::owned().await;
    for (method, path) in operations() {
        // What ends the session would end this test.
        if path.starts_with(ELSEWHERE) || path.contains("/auth/") {
            continue;
        }
        let answer = manager.call(&token, &method, &path, None).await;
        assert_ne!(answer.status, 405, "{method} {path}");
        if answer.status == 404 {
            let detail = answer.problem(404, "not_found")["detail"].to_string();
            assert!(!detail.contains("such path"), "{method} {path}: {detail}");
        }
    }
}

/// Every operation of the document, with an id for each parameter.
fn operations() -> Vec<(String, String)> {
    let document: Value =
        serde_json::from_str(&picloud_manager_core::openapi_json()).expect("the document is JSON");
    let mut operations = Vec::new();
    for (template, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("operations").keys() {
            operations.push((method.to_uppercase(), filled(template)));
        }
    }
    operations
}

fn filled(template: &str) -> String {
    let mut parts = template.split('{');
    let mut path = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').expect("a parameter ends");
        let numbered = matches!(name, "version" | "release");
        path.push_str(if numbered {
            "1"
        } else {
            "01890a5d-ac96-774b-bcce-b302099a8057"
        });
        path.push_str(rest);
    }
    path
}
