//! The session cookie: for the dashboard, and useless to other sites.

use serde_json::json;

use crate::harness::{Answer, OWNER, TestCloud};

/// Makes an app with the cookie and these headers.
fn create(cloud: &TestCloud, cookie: &str, slug: &str, headers: &[(&str, &str)]) -> Answer {
    let mut call = cloud
        .call("POST", "localhost:8080", "/api/v1/admin/apps")
        .header("cookie", cookie);
    for (name, value) in headers {
        call = call.header(name, value);
    }
    call.json(&json!({ "slug": slug, "name": slug })).send()
}

fn cookie(cloud: &TestCloud) -> String {
    let answer = cloud.log_in(OWNER.0, OWNER.1).expect(200);
    let cookie = answer.header("set-cookie").expect("a cookie");
    cookie.split(';').next().expect("a first part").to_owned()
}

#[test]
fn signs_in_like_a_token() {
    let cloud = TestCloud::start();
    let cookie = cookie(&cloud);
    let me = |value: &str| {
        cloud
            .call("GET", "localhost", "/api/v1/admin/auth/me")
            .header("cookie", value)
            .send()
    };
    me(&cookie).expect(200);
    me(&format!("theme=dark; {cookie}; x=y")).expect(200);
    me("picloud_session=x").problem(401, "unauthenticated");
}

#[test]
fn writes_from_the_own_origin_pass() {
    let cloud = TestCloud::start();
    let cookie = cookie(&cloud);
    let same = [
        ("origin", "http://localhost:8080"),
        ("sec-fetch-site", "same-origin"),
    ];
    create(&cloud, &cookie, "both", &same).expect(201);
    create(&cloud, &cookie, "origin-alone", &same[..1]).expect(201);
    create(&cloud, &cookie, "site-alone", &same[1..]).expect(201);
}

#[test]
fn writes_from_other_sites_are_refused() {
    let cloud = TestCloud::start();
    let cookie = cookie(&cloud);
    for headers in [
        &[("origin", "http://evil.test")][..],
        &[("origin", "http://localhost:9090")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "same-origin"), ("origin", "http://evil.test")],
    ] {
        create(&cloud, &cookie, "evil", headers).problem(403, "cross_site_request");
    }
    cloud.owner().get("/admin/apps/evil").problem(404, "not_found");
}

#[test]
fn no_change_at_all_comes_from_another_site() {
    let cloud = TestCloud::start();
    let cookie = cookie(&cloud);
    let document = cloud.get("localhost", "/api/v1/openapi.json").expect(200).json();
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let changes = !matches!(method.as_str(), "get" | "parameters");
            if !path.starts_with("/api/v1/admin/") || !changes || operation["x-access"] == "everybody" {
                continue;
            }
            let id = "01890a5d-ac96-774b-bcce-b302099a8057";
            let path = path
                .split('{')
                .enumerate()
                .map(|(at, part)| match part.split_once('}') {
                    Some((_, rest)) if at > 0 => format!("{id}{rest}"),
                    _ => part.to_owned(),
                })
                .collect::<String>();
            let call = cloud
                .call(&method.to_uppercase(), "localhost:8080", &path)
                .header("cookie", &cookie)
                .header("sec-fetch-site", "cross-site");
            call.json(&json!({})).send().problem(403, "cross_site_request");
            tried += 1;
        }
    }
    assert!(tried > 20, "only {tried} operations");
}

#[test]
fn reads_from_other_sites_change_nothing_and_pass() {
    let cloud = TestCloud::start();
    let call = cloud
        .call("GET", "localhost", "/api/v1/admin/auth/me")
        .header("cookie", &cookie(&cloud));
    call.header("sec-fetch-site", "cross-site")
        .header("origin", "http://evil.test")
        .send()
        .expect(200);
}

#[test]
fn a_token_is_no_cookie_and_may_come_from_anywhere() {
    let cloud = TestCloud::start();
    let call = cloud
        .owner()
        .call("POST", "/api/v1/admin/apps")
        .header("origin", "http://evil.test");
    call.json(&json!({ "slug": "fine", "name": "Fine" }))
        .send()
        .expect(201);
}

#[test]
fn signing_out_clears_it() {
    let cloud = TestCloud::start();
    let cookie = cookie(&cloud);
    let call = cloud
        .call("POST", "localhost", "/api/v1/admin/auth/logout")
        .header("cookie", &cookie);
    let answer = call.header("sec-fetch-site", "same-origin").send().expect(204);
    let cleared = answer.header("set-cookie").expect("the cookie is cleared");
    assert!(
        cleared.starts_with("picloud_session=;") && cleared.contains("Max-Age=0"),
        "{cleared}"
    );
}
