//! `POST /api/v1/admin/apps/{app}/routes:match`: which route would answer, or why none would.

use serde_json::{Value, json};

use crate::harness::{App, TestCloud};

fn explain(app: &App<'_>, method: &str, url: &str) -> Value {
    let body = json!({ "method": method, "url": url });
    app.cloud
        .owner()
        .post(&app.path("/routes:match"), &body)
        .expect(200)
        .json()
}

#[test]
fn names_claim_route_parameters_and_version() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    app.domain("{tenant}.a.test");
    let script = app.script("s", "1");
    let route = script.route("/users/{id}", &["GET"]);
    script.save("2");
    let answer = explain(&app, "GET", "https://ada.a.test/users/a%20b?x=1");
    let text = answer.to_string();
    for part in [
        "{tenant}.a.test",
        route["id"].as_str().expect("an id"),
        &script.id,
        "ada",
        "a b",
    ] {
        assert!(text.contains(part), "no {part} in {answer}");
    }
}

#[test]
fn tells_at_which_step_it_ends() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    cloud.app_with_domain("b");
    app.script("s", "1").route("/x", &["GET"]);
    let mut reasons = Vec::new();
    for (method, url) in [
        ("GET", "http://nobody.test/x"),
        ("GET", "http://b.test/x"),
        ("GET", "http://a.test/y"),
        ("POST", "http://a.test/x"),
        ("GET", "http://a.test/api/v1/x"),
    ] {
        let answer = explain(&app, method, url);
        assert_eq!(answer["route"], Value::Null, "{method} {url}: {answer}");
        reasons.push(answer["miss"].to_string());
    }
    reasons.sort();
    reasons.dedup();
    assert_eq!(reasons.len(), 5, "each is another reason: {reasons:#?}");
}

#[test]
fn says_what_dispatch_does() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let (one, two) = (app.script("one", "\"one\""), app.script("two", "\"two\""));
    one.route("/{x}", &["*"]);
    two.route("/two", &["GET"]);
    for (method, path) in [("GET", "/two"), ("POST", "/two"), ("GET", "/other")] {
        let served = cloud.call(method, "a.test", path).send().expect(200).text();
        let explained = explain(&app, method, &format!("http://a.test{path}")).to_string();
        let expected = if served == "one" { &one } else { &two };
        assert!(
            explained.contains(&expected.id),
            "{method} {path}: {served}, but {explained}"
        );
    }
}

#[test]
fn options_are_answered_as_dispatch_does() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.script("s", "1").route("/x", &["GET"]);
    let answer = cloud.call("OPTIONS", "a.test", "/x").send().expect(204);
    let allowed: Vec<&str> = answer.header("allow").expect("the methods").split(", ").collect();
    let miss = &explain(&app, "OPTIONS", "http://a.test/x")["miss"];
    assert_eq!(
        (&miss["step"], &miss["allow"]),
        (&json!("options"), &json!(allowed))
    );
    cloud
        .call("OPTIONS", "a.test", "/y")
        .send()
        .problem(404, "no_route");
    assert_eq!(
        explain(&app, "OPTIONS", "http://a.test/y")["miss"]["step"],
        "no_route"
    );
}

#[test]
fn a_path_alone_is_that_on_the_first_host() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    app.domain("*.a.test");
    let match_path = || {
        let body = json!({ "method": "GET", "url": "/x?y=1" });
        cloud.owner().post(&app.path("/routes:match"), &body)
    };
    let problem = match_path().problem(422, "validation_failed");
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("full name")),
        "{problem}"
    );
    app.domain("b.test");
    app.domain("c.test");
    app.script("s", "1").route("/x", &["GET"]);
    let answer = match_path().expect(200).json();
    assert_eq!(
        (&answer["matched"], &answer["host"]),
        (&json!(true), &json!("b.test"))
    );
}

#[test]
fn what_is_no_url_is_refused() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    for url in ["", "nonsense", "ftp://a.test/"] {
        let answer = cloud.owner().post(
            &app.path("/routes:match"),
            &json!({ "method": "GET", "url": url }),
        );
        assert!(matches!(answer.status, 200 | 422), "{url}: {}", answer.text());
        if answer.status == 200 {
            assert_eq!(answer.json()["route"], Value::Null, "{url}");
        }
    }
}
