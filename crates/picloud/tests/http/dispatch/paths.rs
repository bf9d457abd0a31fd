//! Path to route, within an app.

use crate::harness::TestCloud;

#[test]
fn literal_beats_parameter_beats_rest_segment_by_segment() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    for path in [
        "/users/me",
        "/users/{id}",
        "/users/{*rest}",
        "/{x}/me",
        "/{*rest}",
        "/users/{id}/posts",
        "/users/me/{x}",
        "/{a}/{b}/{c}",
    ] {
        app.serve(path, &format!("\"{path}\""));
    }
    for (path, expected) in [
        ("/users/me", "/users/me"),
        ("/users/7", "/users/{id}"),
        ("/users/7/posts", "/users/{id}/posts"),
        ("/users/me/posts", "/users/me/{x}"),
        ("/users/7/likes", "/users/{*rest}"),
        ("/users/7/posts/1", "/users/{*rest}"),
        ("/others/me", "/{x}/me"),
        ("/others/x/y", "/{a}/{b}/{c}"),
        ("/others", "/{*rest}"),
        ("/", "/{*rest}"),
        ("/users/", "/users/{*rest}"),
        ("/users", "/{*rest}"),
    ] {
        let answer = cloud.get("a.test", path).expect(200);
        assert_eq!(answer.text(), expected, "{path}");
    }
}

#[test]
fn a_trailing_slash_counts() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/page", "\"without\"");
    app.serve("/dir/", "\"with\"");
    cloud.get("a.test", "/page").says("without");
    cloud.get("a.test", "/dir/").says("with");
    for path in ["/page/", "/dir", "//page", "/", "/Page"] {
        cloud.get("a.test", path).problem(404, "no_route");
    }
}

#[test]
fn a_parameter_is_one_segment_that_is_not_empty_and_rest_may_be_empty() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/one/{x}", "request.params.x");
    app.serve("/rest/{*x}", "\"[\" + request.params.x + \"]\"");
    cloud.get("a.test", "/one/a").says("a");
    cloud.get("a.test", "/one/").problem(404, "no_route");
    cloud.get("a.test", "/one/a/b").problem(404, "no_route");
    cloud.get("a.test", "/rest/").says("[]");
    cloud.get("a.test", "/rest/a/b/").says("[a/b/]");
    cloud.get("a.test", "/rest").problem(404, "no_route");
}

#[test]
fn percent_encoding_is_undone_once_and_after_splitting() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/x/{p}", "request.params.p");
    app.serve("/caf%C3%A9", "\"literal\"");
    for (path, expected) in [
        ("/x/a%20b", "a b"),
        ("/x/a+b", "a+b"),
        ("/x/a%2Fb", "a/b"),
        ("/x/%252F", "%2F"),
        ("/x/%c3%a9", "é"),
        ("/x/%7Bid%7D", "{id}"),
        ("/x/..%2f..", "../.."),
        ("/%78/y", "y"),
        ("/caf%c3%A9", "literal"),
    ] {
        let answer = cloud.get("a.test", path).expect(200);
        assert_eq!(answer.text(), expected, "{path}");
    }
}

#[test]
fn broken_encodings_are_refused() {
    let cloud = TestCloud::start();
    cloud.app_with_domain("a").serve("/{*rest}", "1");
    for path in ["/%", "/%2", "/%zz", "/x/%ff", "/%00", "/a%C3"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n");
        cloud.send_raw(request).problem(400, "bad_request");
    }
}

#[test]
fn dots_are_not_resolved() {
    let cloud = TestCloud::start();
    cloud
        .app_with_domain("a")
        .serve("/{*rest}", "request.params.rest");
    let answer = cloud.send_raw("GET /x/../api/./y HTTP/1.1\r\nHost: a.test\r\n\r\n");
    answer.says("x/../api/./y");
}

#[test]
fn reserved_paths_never_reach_a_script() {
    let cloud = TestCloud::start();
    cloud.app_with_domain("a").serve("/{*rest}", "\"script\"");
    for path in [
        "/api",
        "/api/x",
        "/admin/apps",
        "/healthz",
        "/version",
        "/metrics",
    ] {
        let answer = cloud.get("a.test", path);
        assert_ne!(answer.text(), "script", "{path}");
    }
    for path in ["/apis", "/administrator", "/healthz2", "/x/api"] {
        cloud.get("a.test", path).says("script");
    }
}

#[test]
fn a_path_without_a_route_is_told() {
    let cloud = TestCloud::start();
    cloud.app_with_domain("empty");
    let problem = cloud.get("empty.test", "/nothing").problem(404, "no_route");
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|text| text.contains("/nothing")),
        "{problem}"
    );
}
