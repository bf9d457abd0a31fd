//! `examples/github-webhook`: a webhook whose signature is checked.

use std::fs;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::Sha256;

use crate::harness::{Answer, TestCloud};

const HOST: &str = "github-webhook.localhost";
/// As it stands in the script.
const SECRET: &[u8] = b"It's a Secret to Everybody";

fn signature(body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).expect("a key of any length will do");
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

#[test]
fn a_signed_push_is_summed_up() {
    let cloud = TestCloud::start();
    let app = cloud.deploy_example("github-webhook");
    let body = push();
    let answer = deliver(&cloud, "push", &body, Some(&signature(&body))).expect(200);
    assert_eq!(
        answer.json(),
        json!({
            "repository": "ada-home/thermostat",
            "branch": "main",
            "is_default_branch": true,
            "pusher": "ada",
            "commits": [
                { "id": "9b7c2e4", "title": "Read the sensor once a minute", "author": "Ada Lovelace" },
                { "id": "4d1f3a9", "title": "Löschen des alten Zeitgebers 🕰", "author": "Grace Hopper" },
            ],
            "files": ["README.md", "src/main.rs", "src/sensor/interval.rs", "src/timer.rs"],
        })
    );

    assert_eq!(
        super::log_of(&app),
        ["ada pushed 2 commits to ada-home/thermostat"]
    );
}

#[test]
fn a_signature_that_does_not_fit_is_refused() {
    let cloud = TestCloud::start();
    cloud.deploy_example("github-webhook");
    let body = push();
    let good = signature(&body);
    let mut changed = body.clone();
    *changed.last_mut().expect("the fixture is not empty") = b' ';

    for (body, signature) in [
        (&body, None),
        (&body, Some("")),
        (&body, Some("sha256=")),
        (&body, Some(&*good.replace("sha256=", ""))),
        (&body, Some(&*good.to_uppercase())),
        (&changed, Some(&*good)),
    ] {
        let answer = deliver(&cloud, "push", body, signature).expect(401);
        assert_eq!(
            answer.json(),
            json!({ "error": "the signature does not fit" }),
            "{signature:?}"
        );
    }
}

#[test]
fn other_events_are_taken_and_left() {
    let cloud = TestCloud::start();
    cloud.deploy_example("github-webhook");
    let ping = br#"{"zen":"Keep it logically awesome.","hook_id":1}"#;
    let answer = deliver(&cloud, "ping", ping, Some(&signature(ping))).expect(200);
    assert_eq!(answer.json(), json!({ "pong": "Keep it logically awesome." }));
    let answer = deliver(&cloud, "star", b"{}", Some(&signature(b"{}"))).expect(202);
    assert_eq!(answer.text(), "nothing to do for the event star");

    cloud.get(HOST, "/webhook").problem(405, "method_not_allowed");
}
