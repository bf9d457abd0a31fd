//! `PICLOUD_ADMIN_HOST`: the dashboard and the API on a host of their own, all others to the apps.

use serde_json::json;

use crate::harness::{Answer, OWNER, TestCloud};

const ADMIN: &str = "admin.pi.test";

fn cloud() -> TestCloud {
    TestCloud::with().flag("--admin-host", "Admin.Pi.test.").start()
}

/// Sent as it is, since what an app answers on these paths is not what the API describes.
fn get(cloud: &TestCloud, host: &str, path: &str) -> Answer {
    cloud.send_raw(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
}

#[test]
fn own_paths_answer_on_it_and_on_loopback_alone() {
    let cloud = cloud();
    cloud.app_with_domain("a");
    for host in [ADMIN, "ADMIN.pi.test:8080", "localhost", "127.0.0.1:1", "[::1]"] {
        for path in [
            "/healthz",
            "/readyz",
            "/version",
            "/api/v1/openapi.json",
            "/api/v1/problems/no_route",
        ] {
            get(&cloud, host, path).expect(200);
        }
        let moved = get(&cloud, host, "/admin").expect(307);
        assert_eq!(moved.header("location"), Some("/admin/apps"), "{host}");
        get(&cloud, host, "/api/v1/admin/auth/me").problem(401, "unauthenticated");
        get(&cloud, host, "/metrics/x").problem(404, "not_found");
    }
    for path in ["/healthz", "/api/v1/admin/auth/me", "/admin/apps", "/metrics"] {
        get(&cloud, "a.test", path).problem(404, "no_route");
        get(&cloud, "nobody.test", path).problem(404, "unknown_host");
        get(&cloud, "x.admin.pi.test", path).problem(404, "unknown_host");
    }
}

#[test]
fn other_hosts_belong_to_the_apps_entirely() {
    let cloud = cloud();
    let app = cloud.app_with_domain("a");
    let script = app.script("s", "`app ${request.path}`");
    for path in ["/api/{*rest}", "/admin", "/healthz", "/version", "/metrics"] {
        script.route(path, &["GET"]);
    }
    script.route_on("a.test", "/readyz", &["GET"]);
    for path in [
        "/api/v1/admin/apps",
        "/api/v1/openapi.json",
        "/admin",
        "/healthz",
        "/readyz",
    ] {
        get(&cloud, "a.test", path).says(&format!("app {path}"));
    }
    let url = "http://a.test/api/orders";
    let found = cloud
        .owner()
        .post(
            &app.path("/routes:match"),
            &json!({ "method": "GET", "url": url }),
        )
        .expect(200)
        .json();
    assert_eq!(found["matched"], true, "{found}");
    // An id is no way around the host: there it is one more path of the app.
    get(&cloud, "a.test", &format!("/api/v1/execute/{}", script.id))
        .says(&format!("app /api/v1/execute/{}", script.id));
    for host in [ADMIN, "localhost"] {
        get(&cloud, host, &format!("/api/v1/execute/{}", script.id))
            .says(&format!("app /api/v1/execute/{}", script.id));
    }
}

#[test]
fn no_app_ever_answers_on_it() {
    let cloud = cloud();
    let app = cloud.app("a");
    app.domain("*.pi.test");
    app.serve("/", "\"app\"");
    app.serve("/{*rest}", "\"app\"");
    get(&cloud, "other.pi.test", "/x").says("app");
    get(&cloud, "other.pi.test", "/healthz").says("app");

    let moved = get(&cloud, ADMIN, "/").expect(307);
    assert_eq!(moved.header("location"), Some("/admin"));
    for path in ["/x", "/index.html", "//", "/%61dmin"] {
        get(&cloud, ADMIN, path).problem(404, "not_found");
    }
    cloud
        .call("POST", ADMIN, "/")
        .send()
        .problem(405, "method_not_allowed");
    cloud
        .send_raw(format!("OPTIONS * HTTP/1.1\r\nHost: {ADMIN}\r\n\r\n"))
        .expect(204);

    let body = json!({ "method": "GET", "url": format!("https://{ADMIN}/x") });
    let missed = cloud
        .owner()
        .post(&app.path("/routes:match"), &body)
        .expect(200)
        .json();
    assert_eq!(missed["miss"]["step"], "reserved", "{missed}");
}

#[test]
fn it_cannot_be_claimed_or_routed() {
    let cloud = cloud();
    let app = cloud.app("a");
    for pattern in [ADMIN, "ADMIN.pi.test."] {
        app.try_domain(pattern).problem(422, "domain_not_allowed");
    }
    app.domain("{name}.pi.test");
    let script = app.script("s", "1");
    for path in ["/", "/x", "/api"] {
        let route = json!({ "host": ADMIN, "path": path, "methods": ["GET"] });
        script.try_route(route).problem(422, "reserved_path");
    }
}

#[test]
fn on_localhost_the_reserved_paths_stay_reserved() {
    let cloud = cloud();
    let app = cloud.existing_app("default");
    let script = app.script("s", "1");
    let on_localhost = |path: &str| json!({ "host": "localhost", "path": path, "methods": ["GET"] });
    script
        .try_route(on_localhost("/api/x"))
        .problem(422, "reserved_path");
    script.try_route(on_localhost("/x")).expect(201);
    // Whichever of the two a change leaves as it is.
    let everywhere = script.route("/metrics", &["GET"]);
    let here = script.route_on("localhost", "/y", &["GET"]);
    let patch = |route: &serde_json::Value, change: serde_json::Value| {
        let id = route["id"].as_str().expect("an id");
        cloud.owner().patch(&format!("/admin/routes/{id}"), &change)
    };
    patch(&everywhere, json!({ "host": "localhost" })).problem(422, "reserved_path");
    patch(&here, json!({ "path": "/api" })).problem(422, "reserved_path");
    patch(&here, json!({ "path": "/api", "host": null })).expect(200);
    cloud.get("localhost", "/").expect(200);
}

#[test]
fn a_session_is_good_for_its_own_host_alone() {
    let cloud = cloud();
    let credentials = json!({ "username": OWNER.0, "password": OWNER.1 });
    let answer = cloud
        .call("POST", ADMIN, "/api/v1/admin/auth/login")
        .json(&credentials)
        .send()
        .expect(200);
    let cookie = answer.header("set-cookie").expect("a cookie").to_owned();
    assert!(!cookie.to_lowercase().contains("domain="), "{cookie}");
    let cookie = cookie.split(';').next().expect("a first part");
    let create = |slug: &str, origin: &str| {
        cloud
            .call("POST", ADMIN, "/api/v1/admin/apps")
            .header("cookie", cookie)
            .header("origin", origin)
            .json(&json!({ "slug": slug, "name": slug }))
            .send()
    };
    create("own", "https://admin.pi.test").expect(201);
    create("app", "https://shop.pi.test").problem(403, "cross_site_request");
    create("loopback", "http://localhost").problem(403, "cross_site_request");
}

#[test]
fn a_trusted_proxy_names_it_as_any_other_host() {
    let cloud = TestCloud::with()
        .flag("--admin-host", ADMIN)
        .flag("--trusted-proxies", "127.0.0.0/8")
        .start();
    let forwarded = |to: &str, host: &str, path: &str| {
        cloud.send_raw(format!(
            "GET {path} HTTP/1.1\r\nHost: {to}\r\nX-Forwarded-Host: {host}\r\n\r\n"
        ))
    };
    forwarded("upstream", ADMIN, "/healthz").expect(200);
    forwarded(ADMIN, "nobody.test", "/healthz").problem(404, "unknown_host");
}

#[test]
fn loopback_alone_can_be_it() {
    let cloud = TestCloud::with().flag("--admin-host", "127.0.0.1").start();
    cloud.app_with_domain("a").serve("/healthz", "\"app\"");
    get(&cloud, "localhost", "/healthz").expect(200);
    get(&cloud, "a.test", "/healthz").says("app");
    // The first app keeps what it claims.
    get(&cloud, "localhost", "/hello/Ada").says("Hello, Ada!\n");
}

#[test]
fn the_console_names_it() {
    let cloud = cloud();
    let dashboard = cloud.process().announced("Dashboard");
    assert!(
        dashboard.contains("/admin") && dashboard.contains(ADMIN),
        "{dashboard}"
    );
}
