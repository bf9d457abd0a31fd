//! The webhook of a route is configuration of its app.

use serde_json::{Value, json};

use super::{Delivery, KEY, hook, set_secret};
use crate::harness::{TestCloud, items};

#[test]
fn a_route_tells_its_webhook() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let script = app.script("s", "1");
    let make = |path: &str, webhook: Value| {
        let route = json!({ "path": path, "methods": ["POST"], "webhook": webhook });
        script.try_route(route).expect(201).json()
    };
    assert_eq!(make("/open", Value::Null)["webhook"], Value::Null);
    // The secret need not be there yet: releases hold no secrets, and so none can hold up a release.
    let route = make("/hook", json!({ "preset": "github", "secret": "LATER" }));
    let github = json!({ "preset": "github", "secret": "LATER", "tolerance_s": 300, "respond": "run" });
    assert_eq!(route["webhook"], github);
    let other = make(
        "/other",
        json!({ "preset": "hmac", "secret": "K", "respond": "accept", "hmac": { "header": "X-Mac" } }),
    );
    let hmac = json!({ "header": "x-mac", "prefix": "", "algorithm": "sha256", "encoding": "hex",
        "timestamp_header": null, "id_header": null });
    assert_eq!(
        other["webhook"],
        json!({ "preset": "hmac", "secret": "K", "tolerance_s": 300, "respond": "accept", "hmac": hmac })
    );

    let path = format!("/admin/routes/{}", route["id"].as_str().expect("an id"));
    let changed = |body: Value| cloud.owner().patch(&path, &body).expect(200).json()["webhook"].clone();
    assert_eq!(
        changed(json!({ "path": "/elsewhere" })),
        github,
        "what is not named stays"
    );
    let slack = json!({ "preset": "slack", "secret": "K", "tolerance_s": 60, "respond": "accept" });
    assert_eq!(changed(json!({ "webhook": slack })), slack);
    assert_eq!(cloud.owner().get(&path).expect(200).json()["webhook"], slack);
    assert_eq!(changed(json!({ "webhook": null })), Value::Null);
}

#[test]
fn what_is_wrong_with_it_is_named() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let script = app.script("s", "1");
    let other = |hmac: Value| json!({ "preset": "hmac", "secret": "K", "hmac": hmac });
    for (webhook, field) in [
        (json!({ "preset": "gitlab", "secret": "K" }), "webhook.preset"),
        (json!({ "preset": "github", "secret": "2K" }), "webhook.secret"),
        (
            json!({ "preset": "slack", "secret": "K", "tolerance_s": 0 }),
            "webhook.tolerance_s",
        ),
        (
            json!({ "preset": "slack", "secret": "K", "tolerance_s": 3_601 }),
            "webhook.tolerance_s",
        ),
        (
            json!({ "preset": "slack", "secret": "K", "respond": "later" }),
            "webhook.respond",
        ),
        (
            json!({ "preset": "slack", "secret": "K", "hmac": { "header": "x" } }),
            "webhook.hmac",
        ),
        (json!({ "preset": "hmac", "secret": "K" }), "webhook.hmac"),
        (other(json!({ "header": "Authorization" })), "webhook.hmac.header"),
        (other(json!({ "header": "Host" })), "webhook.hmac.header"),
        (other(json!({ "header": "a b" })), "webhook.hmac.header"),
        (
            other(json!({ "header": "x", "prefix": "a b" })),
            "webhook.hmac.prefix",
        ),
        (
            other(json!({ "header": "x", "prefix": "x".repeat(33) })),
            "webhook.hmac.prefix",
        ),
        (
            other(json!({ "header": "x", "algorithm": "md5" })),
            "webhook.hmac.algorithm",
        ),
        (
            other(json!({ "header": "x", "encoding": "base32" })),
            "webhook.hmac.encoding",
        ),
        (
            other(json!({ "header": "x", "timestamp_header": "" })),
            "webhook.hmac.timestamp_header",
        ),
        (
            other(json!({ "header": "x", "timestamp_header": "X" })),
            "webhook.hmac.timestamp_header",
        ),
        (
            other(json!({ "header": "x", "id_header": "cookie" })),
            "webhook.hmac.id_header",
        ),
        (
            other(json!({ "header": "x", "id_header": "x" })),
            "webhook.hmac.id_header",
        ),
    ] {
        let route = json!({ "path": "/", "methods": ["POST"], "webhook": webhook });
        let problem = script.try_route(route).problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{webhook}");
        let bundle = json!({ "scripts": [{ "name": "s", "source": "1" }],
            "routes": [{ "script": "s", "path": "/", "methods": ["POST"], "webhook": webhook }] });
        let problem = cloud.owner().post(&app.path("/releases"), &bundle);
        let problem = problem.problem(422, "validation_failed");
        assert_eq!(
            problem["errors"][0]["field"],
            format!("routes[0].{field}"),
            "{webhook}"
        );
    }
}

#[test]
fn releases_hold_it_and_bring_it_back() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    set_secret(&app, "KEY", KEY);
    hook(
        &app,
        "/hook",
        "1",
        &json!({ "preset": "github", "secret": "KEY" }),
    );
    let signed = Delivery::new("/hook", "{}").github(KEY, "1");
    let bare = Delivery::new("/hook", "{}");
    let releases = app.path("/releases");
    let number = items(cloud.owner().get(&releases))[0]["number"].clone();
    let github = json!({ "preset": "github", "secret": "KEY", "tolerance_s": 300, "respond": "run" });
    let release = cloud
        .owner()
        .get(&format!("{releases}/{number}"))
        .expect(200)
        .json();
    assert_eq!(release["manifest"]["routes"][0]["webhook"], github);
    signed.send(&cloud).expect(200);
    bare.send(&cloud).expect(401);

    let bundle = |webhook: Value| {
        let route = json!({ "script": "shook", "path": "/hook", "methods": ["POST"], "webhook": webhook });
        json!({ "scripts": [{ "name": "shook", "source": "1" }], "routes": [route] })
    };
    cloud.owner().post(&releases, &bundle(github.clone())).expect(200);
    let opened = cloud
        .owner()
        .post(&releases, &bundle(Value::Null))
        .expect(201)
        .json();
    let change = &opened["changes"]["routes"][0];
    assert_eq!(change["fields"], json!(["webhook"]));
    assert_eq!(
        (&change["before"]["webhook"], &change["after"]["webhook"]),
        (&github, &Value::Null)
    );
    bare.send(&cloud).expect(200);

    let restore = format!("{releases}/{number}:restore");
    cloud.owner().post(&restore, &json!({})).expect(201);
    bare.send(&cloud).expect(401);
    signed.send(&cloud).expect(200);
    cloud.start_again();
    bare.send(&cloud).expect(401);
    signed.send(&cloud).expect(200);
}
