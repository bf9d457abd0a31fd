//! Two routes of one app that match the same requests conflict; routes of two apps never do.

use serde_json::json;

use crate::harness::TestCloud;

#[test]
fn the_same_shape_and_method_conflict() {
    let cloud = TestCloud::start();
    let script = cloud.app_with_domain("a").script("s", "1");
    let first = script.route("/users/{id}", &["GET", "POST"]);
    for (path, methods) in [
        ("/users/{id}", vec!["GET"]),
        ("/users/{name}", vec!["PUT", "POST"]),
        ("/users/{x}", vec!["*"]),
    ] {
        let problem = script
            .try_route(json!({ "path": path, "methods": methods }))
            .problem(409, "route_conflict");
        let conflict = problem["conflicts_with"].to_string();
        assert!(
            conflict.contains(first["id"].as_str().expect("an id")),
            "{problem}"
        );
    }
}

#[test]
fn other_shapes_methods_and_hosts_do_not() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let script = app.script("s", "1");
    script.route("/users/{id}", &["GET"]);
    script.route("/users/{id}", &["POST"]);
    script.route("/users/{id}/", &["GET"]);
    script.route("/users/me", &["GET"]);
    script.route("/users/{*rest}", &["GET"]);
    script.route_on("a.test", "/users/{id}", &["GET"]);
    let again = json!({ "host": "A.test.", "path": "/users/{id}", "methods": ["GET"] });
    script.try_route(again).problem(409, "route_conflict");
}

#[test]
fn one_literal_in_two_encodings_is_one_shape() {
    let cloud = TestCloud::start();
    let script = cloud.app("a").script("s", "1");
    script.route("/caf%C3%A9", &["GET"]);
    script
        .try_route(json!({ "path": "/café", "methods": ["GET"] }))
        .problem(409, "route_conflict");
}

#[test]
fn other_apps_never_conflict() {
    let cloud = TestCloud::start();
    cloud.app_with_domain("a").serve("/same", "\"a\"");
    cloud.app_with_domain("b").serve("/same", "\"b\"");
    cloud.get("a.test", "/same").says("a");
    cloud.get("b.test", "/same").says("b");
}

#[test]
fn one_of_two_at_once_gets_the_shape() {
    let cloud = TestCloud::start();
    let script = cloud.app("a").script("s", "1");
    cloud.owner();
    let mut statuses: Vec<u16> = std::thread::scope(|scope| {
        let create = |name: &str| {
            script
                .try_route(json!({ "path": format!("/{{{name}}}"), "methods": ["GET"] }))
                .status
        };
        let racers: Vec<_> = ["a", "b", "c", "d"]
            .map(|name| scope.spawn(move || create(name)))
            .into_iter()
            .collect();
        racers
            .into_iter()
            .map(|racer| racer.join().expect("no request fails"))
            .collect()
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409]);
}
