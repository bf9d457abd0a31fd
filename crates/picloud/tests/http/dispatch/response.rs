//! Return value to response.

use serde_json::{Value, json};

use crate::harness::{Answer, TestCloud};

/// What a script with this source answers.
fn answer(cloud: &TestCloud, source: &str) -> Answer {
    let script = cloud.existing_app("default").script("response", source);
    let answer = script.execute();
    cloud.owner().delete(&script.path("")).expect(204);
    answer
}

#[test]
fn a_value_answers_in_the_form_that_suits_it() {
    let cloud = TestCloud::start();
    let json_type = "application/json";
    for (source, status, kind, body) in [
        ("\"text\"", 200, "text/plain", "text"),
        ("42", 200, json_type, "42"),
        ("4.5", 200, json_type, "4.5"),
        ("true", 200, json_type, "true"),
        ("[1, \"a\", ()]", 200, json_type, "[1,\"a\",null]"),
        ("#{ a: 1 }", 200, json_type, "{\"a\":1}"),
        ("()", 204, "", ""),
        ("html(\"<p>\")", 200, "text/html", "<p>"),
        ("json(\"x\")", 200, json_type, "\"x\""),
        ("response(418, \"short\")", 418, "text/plain", "short"),
        ("fn handle(request) { \"handled\" }", 200, "text/plain", "handled"),
    ] {
        let answer = answer(&cloud, source).expect(status);
        let found = answer.header("content-type").unwrap_or_default();
        assert!(
            found.starts_with(kind) && found.is_empty() == kind.is_empty(),
            "{source}: {found}"
        );
        assert_eq!(answer.text(), body, "{source}");
    }
}

#[test]
fn headers_and_redirects_are_the_scripts() {
    let cloud = TestCloud::start();
    let found = answer(
        &cloud,
        "response(200, \"x\").header(\"x-a\", \"1\").header(\"cache-control\", \"no-store\")",
    );
    assert_eq!(
        (found.header("x-a"), found.header("cache-control")),
        (Some("1"), Some("no-store"))
    );
    let found = answer(&cloud, "redirect(\"/elsewhere\")");
    assert!(matches!(found.status, 302 | 303 | 307), "{}", found.status);
    assert_eq!(found.header("location"), Some("/elsewhere"));
}

#[test]
fn framing_stays_with_the_server() {
    let cloud = TestCloud::start();
    for name in ["content-length", "transfer-encoding", "connection"] {
        let found = answer(
            &cloud,
            &format!("response(200, \"body\").header(\"{name}\", \"7\")"),
        );
        if found.status == 200 {
            assert_eq!(found.text(), "body", "{name}");
            assert_eq!(found.header("content-length"), Some("4"), "{name}");
        } else {
            found.problem(500, "script_error");
        }
    }
}

#[test]
fn a_request_id_cannot_be_forged() {
    let cloud = TestCloud::start();
    let found = answer(
        &cloud,
        "response(200, \"x\").header(\"x-request-id\", \"forged\")",
    );
    assert_ne!(found.header("x-request-id"), Some("forged"));
}

#[test]
fn json_goes_through_whole() {
    let cloud = TestCloud::start();
    let value: Value = json!({
        "text": "žluťoučký \"kůň\" \\ \n\t\u{1} 🐎", "numbers": [0, -1, 9_223_372_036_854_775_807_i64, 1.5, -0.25], "nothing": null,
        "yes": true, "no": false, "empty": [{}, [], ""],
    });
    cloud.app_with_domain("a").serve("/", "request.json()");
    let echoed = cloud.call("POST", "a.test", "/").json(&value).send().expect(200);
    assert_eq!(echoed.json(), value);
}

#[test]
fn a_body_over_the_limit_is_not_sent() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let fields = json!({ "name": "s", "source": "let s = \"x\"; s.pad(5000, 'x'); s", "limits": { "response_bytes_max": 4_096 } });
    app.script_with(fields).route("/", &["GET"]);
    cloud.get("a.test", "/").problem(500, "script_limit_exceeded");
}
