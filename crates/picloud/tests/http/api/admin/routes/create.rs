//! `POST /api/v1/admin/routes`, and reading them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{TestCloud, items};

#[test]
fn gives_the_route() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let script = app.script("s", "1");
    let route = script.route("/x/{y}", &["get", "POST"]);
    let fields: BTreeSet<&str> = route
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    assert!(
        fields.is_superset(&BTreeSet::from([
            "id",
            "app_id",
            "script_id",
            "host",
            "path",
            "methods"
        ])),
        "{route}"
    );
    assert_eq!(route["methods"], json!(["GET", "POST"]));
    assert_eq!((&route["app_id"], &route["host"]), (&json!(app.id), &Value::Null));
}

#[test]
fn routes_are_listed_by_app_and_script() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let (one, two) = (app.script("one", "1"), app.script("two", "1"));
    one.route("/1", &["GET"]);
    one.route("/2", &["GET"]);
    two.route("/3", &["GET"]);
    let count = |query: String| items(cloud.owner().get(&format!("/admin/routes?{query}"))).len();
    assert_eq!(count(format!("app={}", app.slug)), 3);
    assert_eq!(count(format!("script={}", one.id)), 2);
    assert_eq!(count(format!("app={}&script={}", app.slug, two.id)), 1);
}

#[test]
fn what_is_no_path_or_method_is_refused() {
    let cloud = TestCloud::start();
    let script = cloud.app("a").script("s", "1");
    for path in [
        "", "x", "//", "/a//b", "/a?b", "/a#b", "/a b", "/{", "/{}", "/{1}", "/{a}/{a}", "/{*r}/x", "/%zz",
        "/x{y}",
    ] {
        script
            .try_route(json!({ "path": path, "methods": ["GET"] }))
            .problem(422, "validation_failed");
    }
    for methods in [json!([]), json!(["GIT"]), json!("GET"), json!([1])] {
        script
            .try_route(json!({ "path": "/", "methods": methods }))
            .problem(422, "validation_failed");
    }
}

#[test]
fn paths_of_picloud_itself_are_reserved() {
    let cloud = TestCloud::start();
    let script = cloud.app("a").script("s", "1");
    for path in [
        "/api",
        "/api/x",
        "/admin",
        "/admin/{x}",
        "/healthz",
        "/readyz",
        "/version",
        "/metrics",
        "/api/{*rest}",
    ] {
        script
            .try_route(json!({ "path": path, "methods": ["GET"] }))
            .problem(422, "reserved_path");
    }
    for path in ["/apis", "/administrator", "/{x}", "/{*rest}"] {
        script.route(path, &["GET"]);
    }
}

#[test]
fn a_host_must_fall_under_a_claim() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.domain("*.wild.test");
    app.domain("{t}.param.test");
    let script = app.script("s", "1");
    for host in [
        "a.test",
        "x.wild.test",
        "{x}.wild.test",
        "*.x.wild.test",
        "x.param.test",
        "{other}.param.test",
    ] {
        script.route_on(host, "/", &["GET"]);
    }
    for host in [
        "b.test",
        "wild.test",
        "x.y.param.test",
        "*.param.test",
        "localhost",
    ] {
        let body = json!({ "host": host, "path": "/", "methods": ["GET"] });
        script.try_route(body).problem(422, "host_not_claimed");
    }
    let answer = script
        .try_route(json!({ "host": "no host", "path": "/", "methods": ["GET"] }))
        .expect(422);
    assert!(matches!(
        answer.json()["code"].as_str(),
        Some("validation_failed" | "invalid_domain" | "host_not_claimed")
    ));
}

#[test]
fn a_script_that_is_not_there_gets_no_route() {
    let cloud = TestCloud::start();
    let body =
        json!({ "script_id": "01890a5d-ac96-774b-bcce-b302099a8057", "path": "/", "methods": ["GET"] });
    let answer = cloud.owner().post("/admin/routes", &body);
    assert!(matches!(answer.status, 404 | 422), "{}", answer.text());
}
