//! What every operation with a body has in common.

use serde_json::json;

use crate::harness::{Call, TestCloud};

/// `POST /api/v1/admin/apps` by the owner, without a body yet.
fn create(cloud: &TestCloud) -> Call<'_> {
    cloud.owner().call("POST", "/api/v1/admin/apps")
}

#[test]
fn what_is_no_json_is_refused() {
    let cloud = TestCloud::start();
    for body in [
        "",
        "{",
        "{\"slug\": }",
        "nothing",
        "\u{0}",
        r#"{"slug":"a","name":"A"}{}"#,
    ] {
        create(&cloud)
            .header("content-type", "application/json")
            .body(body)
            .send()
            .problem(400, "invalid_json");
    }
    let binary = [0xFF, 0xFE, 0x00];
    create(&cloud)
        .header("content-type", "application/json")
        .body(binary)
        .send()
        .problem(400, "invalid_json");
}

#[test]
fn another_media_type_is_refused() {
    let cloud = TestCloud::start();
    let body = json!({ "slug": "a", "name": "A" }).to_string();
    for kind in ["text/plain", "application/x-www-form-urlencoded"] {
        create(&cloud)
            .header("content-type", kind)
            .body(body.as_str())
            .send()
            .problem(415, "unsupported_media_type");
    }
    let call = create(&cloud).header("content-type", "application/json; charset=utf-8");
    call.body(body.as_str()).send().expect(201);
}

#[test]
fn unknown_missing_and_mistyped_fields_are_named() {
    let cloud = TestCloud::start();
    for (body, field) in [
        (json!({ "slug": "a", "name": "A", "colour": "red" }), "colour"),
        (json!({ "slug": "a" }), "name"),
        (json!({ "slug": "a", "name": 7 }), "name"),
        (json!([]), ""),
        (json!(null), ""),
    ] {
        let problem = create(&cloud)
            .json(&body)
            .send()
            .problem(422, "validation_failed");
        assert!(problem.to_string().contains(field), "{body}: {problem}");
    }
    cloud.owner().get("/admin/apps/a").problem(404, "not_found");
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    let cloud = TestCloud::start();
    let name = "x".repeat(5 * 1_024 * 1_024);
    create(&cloud)
        .json(&json!({ "slug": "a", "name": name }))
        .send()
        .problem(413, "body_too_large");
    // What is announced to be far too large is not even awaited.
    let head = "POST /api/v1/admin/apps HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n";
    cloud.send_raw(head).problem(413, "body_too_large");
}

#[test]
fn nesting_has_a_limit() {
    let cloud = TestCloud::start();
    let body = format!("{{\"slug\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let answer = create(&cloud)
        .header("content-type", "application/json")
        .body(body)
        .send();
    assert!(
        matches!(answer.status, 400 | 422),
        "{}: {}",
        answer.status,
        answer.text()
    );
}
