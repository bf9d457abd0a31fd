//! The methods of a route.

use std::collections::BTreeSet;

use crate::harness::{Answer, TestCloud};

fn allowed(answer: &Answer) -> BTreeSet<String> {
    let allow = answer
        .header("allow")
        .unwrap_or_else(|| panic!("no allow in {:?}", answer.headers));
    allow.split(',').map(|method| method.trim().to_owned()).collect()
}

fn set(methods: &[&str]) -> BTreeSet<String> {
    methods.iter().map(|method| (*method).to_owned()).collect()
}

#[test]
fn a_known_path_with_another_method_is_405_with_allow() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let script = app.script("s", "1");
    script.route("/x", &["GET"]);
    script.route("/x", &["PUT"]);
    script.route("/only-post", &["POST"]);
    for method in ["POST", "DELETE", "PATCH", "PROPFIND"] {
        let answer = cloud.call(method, "a.test", "/x").send();
        assert_eq!(
            allowed(&answer),
            set(&["GET", "HEAD", "PUT", "OPTIONS"]),
            "{method}"
        );
        answer.problem(405, "method_not_allowed");
    }
    let answer = cloud.get("a.test", "/only-post");
    assert_eq!(allowed(&answer), set(&["POST", "OPTIONS"]));
    answer.problem(405, "method_not_allowed");
    let answer = cloud.call("HEAD", "a.test", "/only-post").send().expect(405);
    assert!(answer.body.is_empty());
}

#[test]
fn a_less_specific_path_answers_when_the_more_specific_lacks_the_method() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.script("literal", "\"literal\"").route("/x", &["GET"]);
    app.script("param", "\"param\"").route("/{y}", &["GET", "POST"]);
    cloud.get("a.test", "/x").says("literal");
    cloud.call("POST", "a.test", "/x").send().says("param");
    let answer = cloud.call("DELETE", "a.test", "/x").send();
    assert_eq!(allowed(&answer), set(&["GET", "HEAD", "POST", "OPTIONS"]));
}

#[test]
fn head_is_served_by_a_get_route() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.script("get", "response(200, \"body\").header(\"x-a\", \"b\")")
        .route("/get", &["GET"]);
    app.script("head", "response(204, ())").route("/head", &["HEAD"]);
    let answer = cloud.call("HEAD", "a.test", "/get").send().expect(200);
    assert_eq!(
        (answer.header("content-length"), answer.header("x-a")),
        (Some("4"), Some("b"))
    );
    assert!(answer.body.is_empty());
    cloud.call("HEAD", "a.test", "/head").send().expect(204);
}

#[test]
fn options_answers_by_itself_unless_a_route_takes_it() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.script("s", "1").route("/x", &["GET", "POST"]);
    app.script("own", "\"own\"").route("/own", &["OPTIONS"]);
    let answer = cloud.call("OPTIONS", "a.test", "/x").send().expect(204);
    assert_eq!(allowed(&answer), set(&["GET", "HEAD", "POST", "OPTIONS"]));
    cloud.call("OPTIONS", "a.test", "/own").send().says("own");
    cloud
        .call("OPTIONS", "a.test", "/nothing")
        .send()
        .problem(404, "no_route");
}

#[test]
fn a_star_takes_every_method() {
    let cloud = TestCloud::start();
    cloud.app_with_domain("a").serve("/", "request.method");
    for method in [
        "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "PURGE",
    ] {
        cloud.call(method, "a.test", "/").send().says(method);
    }
}
