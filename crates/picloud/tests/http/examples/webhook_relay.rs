//! `examples/webhook-relay`: a webhook for several servers.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::harness::{Answer, Peer, TestCloud};

const HOST: &str = "relay.localhost";

fn add(cloud: &TestCloud, url: &str, password: &str) -> Answer {
    let call = cloud.call("POST", HOST, "/targets/builds");
    let call = call.header("authorization", &format!("Bearer {password}"));
    call.json(&json!({ "url": url })).send()
}

fn relay(cloud: &TestCloud) -> Answer {
    cloud
        .call("POST", HOST, "/in/builds")
        .json(&json!({ "build": 7 }))
        .send()
}

#[test]
fn a_webhook_reaches_all_targets_whatever_one_of_them_does() {
    let cloud = TestCloud::start();
    let app = cloud.deploy_example("webhook-relay");
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let noted = Arc::clone(&seen);
    let peer = Peer::start(move |request, body| {
        noted
            .lock()
            .expect("no holder panics")
            .push(format!("{request} {body}"));
        String::new()
    });
    app.allow(&json!([peer.address.to_string()]));
    relay(&cloud).expect(200);
    add(&cloud, &peer.url("/one"), "change me").expect(200);
    add(&cloud, "http://127.0.0.2:1/", "change me").expect(200);
    add(&cloud, &peer.url("/two"), "change me").expect(200);
    let answer = relay(&cloud).expect(200).json();
    assert_eq!(answer["delivered"], json!([peer.url("/one"), peer.url("/two")]));
    assert_eq!(
        answer["failed"],
        json!([{ "url": "http://127.0.0.2:1/", "why": "blocked" }])
    );
    let mut seen = seen.lock().expect("no holder panics").clone();
    seen.sort();
    let body = r#"{"build":7}"#;
    let expected = [
        format!("POST /one HTTP/1.1 {body}"),
        format!("POST /two HTTP/1.1 {body}"),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn targets_are_added_with_the_password_alone() {
    let cloud = TestCloud::start();
    cloud.deploy_example("webhook-relay");
    add(&cloud, "https://example.com/", "other").expect(401);
    add(&cloud, "ftp://example.com/", "change me").expect(422);
    let added: Value = add(&cloud, "https://example.com/", "change me")
        .expect(200)
        .json();
    assert_eq!(added, json!({ "targets": ["https://example.com/"] }));
}
