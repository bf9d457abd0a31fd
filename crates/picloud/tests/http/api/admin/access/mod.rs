//! Who may call what. No operation under `/api/v1/admin` works without credentials, but those that give them; what it
//! answers to whom stands in a table.

mod attempt;
mod ground;
mod hidden;
mod matrix;

use serde_json::json;

use crate::harness::{Schema, TestCloud};

const OPEN: [&str; 4] = [
    "/api/v1/admin/setup",
    "/api/v1/admin/auth/login",
    "/api/v1/admin/invitations:preview",
    "/api/v1/admin/invitations:accept",
];

#[test]
fn every_operation_refuses_the_anonymous() {
    let cloud = TestCloud::start();
    let document = cloud.get("localhost", "/api/v1/openapi.json").expect(200).json();
    let mut tried = 0;
    for (method, template) in Schema::new(document).operations() {
        if !template.starts_with("/api/v1/admin/") || OPEN.contains(&template.as_str()) {
            continue;
        }
        let path = filled(&template);
        let call = cloud.anonymous().call(&method, &path);
        // The body is no valid one, but who is nobody does not learn that.
        let call = if method == "GET" {
            call
        } else {
            call.json(&json!({ "unknown": true }))
        };
        call.send().problem(401, "unauthenticated");
        tried += 1;
    }
    assert!(tried > 30, "only {tried} operations");
}

#[test]
fn an_unknown_path_tells_the_anonymous_nothing() {
    let cloud = TestCloud::start();
    let status = cloud.anonymous().get("/admin/no-such-thing").status;
    assert!(matches!(status, 401 | 404), "{status}");
    cloud
        .owner()
        .get("/admin/no-such-thing")
        .problem(404, "not_found");
    cloud
        .owner()
        .call("PUT", "/api/v1/admin/apps")
        .send()
        .problem(405, "method_not_allowed");
}

/// `template` with an id for every parameter.
fn filled(template: &str) -> String {
    let mut path = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').expect("a parameter ends");
        path.push_str(before);
        path.push_str(if matches!(name, "release" | "version") {
            "1"
        } else {
            "01890a5d-ac96-774b-bcce-b302099a8057"
        });
        rest = after;
    }
    path + rest
}
