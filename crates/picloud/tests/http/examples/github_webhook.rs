//! `examples/github-webhook`: a webhook whose signature is looked at before its script runs.

use std::fs;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::harness::{Answer, App, TestCloud, items};

const HOST: &str = "github-webhook.localhost";
/// As in the README of the example.
const SECRET: &str = "It's a Secret to Everybody";

/// The example, with its secret.
fn deploy(cloud: &TestCloud) -> App<'_> {
    let app = cloud.deploy_example("github-webhook");
    let path = app.path("/secrets/GITHUB_WEBHOOK");
    cloud.owner().put(&path, &json!({ "value": SECRET })).expect(204);
    app
}

fn signature(body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key of any length will do");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// A delivery as GitHub makes it.
#[track_caller]
fn deliver(cloud: &TestCloud, event: &str, body: &[u8], signature: Option<&str>) -> Answer {
    let mut call = cloud
        .call("POST", HOST, "/webhook")
        .header("user-agent", "GitHub-Hookshot/4d1f3a9")
        .header("content-type", "application/json")
        .header("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
        .header("x-github-event", event);
    if let Some(signature) = signature {
        call = call.header("x-hub-signature-256", signature);
    }
    call.body(body).send()
}

fn push() -> Vec<u8> {
    fs::read(super::file("github-webhook/fixtures/push.json")).expect("the fixture can be read")
}

/// The documents that were kept.
fn pushes(app: &App<'_>) -> Vec<Value> {
    let path = app.path("/collections/pushes/documents");
    items(app.cloud.owner().get(&path))
}

#[test]
fn a_signed_push_is_kept_once() {
    let cloud = TestCloud::start();
    let app = deploy(&cloud);
    let body = push();
    let answer = deliver(&cloud, "push", &body, Some(&signature(&body))).expect(200);
    let kept = json!({
        "repository": "ada-home/thermostat",
        "branch": "main",
        "is_default_branch": true,
        "pusher": "ada",
        "commits": [
            { "id": "9b7c2e4", "title": "Read the sensor once a minute", "author": "Ada Lovelace" },
            { "id": "4d1f3a9", "title": "Löschen des alten Zeitgebers 🕰", "author": "Grace Hopper" },
        ],
        "files": ["README.md", "src/main.rs", "src/sensor/interval.rs", "src/timer.rs"],
    });
    assert_eq!(answer.json(), kept);
    assert_eq!(
        super::log_of(&app),
        ["ada pushed 2 commits to ada-home/thermostat"]
    );
    deliver(&cloud, "push", &body, Some(&signature(&body))).says("kept already");
    let found = pushes(&app);
    assert_eq!((found.len(), &found[0]["document"]), (1, &kept));
}

#[test]
fn a_signature_that_does_not_fit_is_refused() {
    let cloud = TestCloud::start();
    let app = deploy(&cloud);
    let body = push();
    let good = signature(&body);
    let mut changed = body.clone();
    *changed.last_mut().expect("the fixture is not empty") = b' ';

    for (body, signature) in [
        (&body, None),
        (&body, Some("")),
        (&body, Some("sha256=")),
        (&body, Some(&*good.replace("sha256=", ""))),
        (&changed, Some(&*good)),
    ] {
        deliver(&cloud, "push", body, signature).problem(401, "signature_invalid");
    }
    // Nor does the script take what comes to it by another way.
    let scripts = items(cloud.owner().get(&format!("/admin/scripts?app={}", app.id)));
    let id = scripts[0]["id"].as_str().expect("an id");
    let path = format!("/api/v1/execute/{id}");
    let call = cloud
        .anonymous()
        .call("POST", &path)
        .header("x-github-event", "push");
    call.body(body).send().expect(403);
    let found = cloud.owner().get(&app.path("/collections/pushes/documents"));
    assert!(!found.text().contains("thermostat"), "{}", found.text());
}

#[test]
fn other_events_are_taken_and_left() {
    let cloud = TestCloud::start();
    deploy(&cloud);
    let ping = br#"{"zen":"Keep it logically awesome.","hook_id":1}"#;
    let answer = deliver(&cloud, "ping", ping, Some(&signature(ping))).expect(200);
    assert_eq!(answer.json(), json!({ "pong": "Keep it logically awesome." }));
    let answer = deliver(&cloud, "star", b"{}", Some(&signature(b"{}"))).expect(202);
    assert_eq!(answer.text(), "nothing to do for the event star");

    cloud.get(HOST, "/webhook").problem(405, "method_not_allowed");
}
