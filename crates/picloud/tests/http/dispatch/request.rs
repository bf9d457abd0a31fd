//! What a script learns of its request.

use serde_json::json;

use crate::harness::TestCloud;

#[test]
fn the_parts_of_a_request_reach_the_script() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let source = "#{ method: request.method, path: request.path, host: request.host, id: request.params.id,
        q: request.query.q, missing: request.query.missing ?? \"none\", header: request.headers[\"X-Custom\"],
        body: request.body, cookie: request.cookies.theme, remote: request.remote_addr, url: request.url, request: request.id }";
    app.serve("/things/{id}", source);
    let answer = cloud
        .call("POST", "A.test:8080", "/things/7?q=a%20b&q=c")
        .header("x-custom", "yes")
        .header("cookie", "theme=dark; other=1")
        .body("the body")
        .send()
        .expect(200);
    let seen = answer.json();
    for (field, expected) in [
        ("method", "POST"),
        ("path", "/things/7"),
        ("host", "a.test"),
        ("id", "7"),
        ("missing", "none"),
        ("header", "yes"),
        ("body", "the body"),
        ("cookie", "dark"),
        ("remote", "127.0.0.1"),
    ] {
        assert_eq!(seen[field], expected, "{field} in {seen}");
    }
    assert!(
        seen["q"]
            .as_str()
            .is_some_and(|text| text == "a b" || text == "c"),
        "{seen}"
    );
    assert_eq!(seen["request"].as_str(), answer.header("x-request-id"));
    assert!(
        seen["url"]
            .as_str()
            .is_some_and(|url| url.starts_with("http://a.test")),
        "{seen}"
    );
}

#[test]
fn json_forms_and_bytes_are_read_from_the_body() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/json", "let data = request.json(); data.n += 1; data");
    app.serve(
        "/form",
        "let form = request.form(); form.name + \" is \" + form.mood",
    );
    app.serve("/bytes", "request.bytes.len()");
    let answer = cloud
        .call("POST", "a.test", "/json")
        .json(&json!({ "n": 1, "deep": [{ "x": null }] }))
        .send();
    assert_eq!(
        answer.expect(200).json(),
        json!({ "n": 2, "deep": [{ "x": null }] })
    );
    let form = cloud
        .call("POST", "a.test", "/form")
        .header("content-type", "application/x-www-form-urlencoded");
    form.body("name=Ada+L%26&mood=fine").send().says("Ada L& is fine");
    cloud
        .call("POST", "a.test", "/bytes")
        .body([0, 255, 254, 1])
        .send()
        .says("4");
}

#[test]
fn a_body_that_is_no_json_fails_the_script_not_the_server() {
    let cloud = TestCloud::start();
    cloud.app_with_domain("a").serve("/", "request.json()");
    for body in ["", "{", "[1,]", "nothing"] {
        let status = cloud.call("POST", "a.test", "/").body(body).send().status;
        assert!((400..=500).contains(&status), "{body}: {status}");
    }
    cloud.get("localhost", "/").expect(200);
}

#[test]
fn forwarding_headers_count_only_from_trusted_proxies() {
    let source = "request.remote_addr + \" \" + request.url";
    let ask = |cloud: &TestCloud| {
        let call = cloud
            .call("GET", "a.test", "/")
            .header("x-forwarded-for", "203.0.113.9");
        call.header("x-forwarded-proto", "https")
            .send()
            .expect(200)
            .text()
    };
    let cloud = TestCloud::start();
    cloud.app_with_domain("a").serve("/", source);
    assert_eq!(ask(&cloud), "127.0.0.1 http://a.test/");

    let cloud = TestCloud::with().flag("--trusted-proxies", "127.0.0.0/8").start();
    cloud.app_with_domain("a").serve("/", source);
    assert_eq!(ask(&cloud), "203.0.113.9 https://a.test/");
    let call = cloud
        .call("GET", "a.test", "/")
        .header("x-forwarded-for", "198.51.100.7, 203.0.113.9, 127.0.0.3");
    assert_eq!(call.send().expect(200).text(), "203.0.113.9 http://a.test/");
}

#[test]
fn a_session_cookie_is_secure_behind_https() {
    let cloud = TestCloud::with()
        .flag("--trusted-proxies", "127.0.0.1/32")
        .start();
    let body = json!({ "username": crate::harness::OWNER.0, "password": crate::harness::OWNER.1 });
    let call = cloud
        .call("POST", "localhost", "/api/v1/admin/auth/login")
        .header("x-forwarded-proto", "https");
    let answer = call.json(&body).send().expect(200);
    assert!(
        answer
            .header("set-cookie")
            .is_some_and(|cookie| cookie.contains("Secure")),
        "{:?}",
        answer.headers
    );
}
