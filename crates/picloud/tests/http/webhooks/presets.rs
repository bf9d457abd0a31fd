//! What is signed reaches its script, and nothing else does.

use serde_json::{Value, json};

use super::{Delivery, KEY, STANDARD_KEY, hook, now, set_secret};
use crate::harness::{App, TestCloud};

/// Tells what it was given, and counts its runs.
const TELL: &str = "kv::incr(\"runs\");
    #{ webhook: request.webhook, body: request.body, own: request.headers[\"x-own\"] }";

/// An app with a route for each preset.
fn app(cloud: &TestCloud) -> App<'_> {
    let app = cloud.app_with_domain("a");
    app.serve("/runs", "kv::get(\"runs\") ?? 0");
    for preset in ["github", "stripe", "slack"] {
        let webhook = json!({ "preset": preset, "secret": "KEY" });
        hook(&app, &format!("/{preset}"), TELL, &webhook);
    }
    let webhook = json!({ "preset": "standard", "secret": "STANDARD_KEY" });
    hook(&app, "/standard", TELL, &webhook);
    set_secret(&app, "KEY", KEY);
    set_secret(&app, "STANDARD_KEY", STANDARD_KEY);
    app
}

/// One for each preset, signed at `at`; with the id that it has.
fn deliveries(at: i64) -> [(Delivery, &'static str); 4] {
    let github = Delivery::new("/github", "{\"zen\":\"Ä\"}").github(KEY, "72d3162e");
    let stripe = Delivery::new("/stripe", "{\"id\":\"evt_1\",\"object\":\"event\"}").stripe(KEY, at);
    let slack = Delivery::new("/slack", "{\"event_id\":\"Ev1\"}").slack(KEY, at);
    let standard = Delivery::new("/standard", "{\"test\": 1}").standard(STANDARD_KEY, "msg_1", at);
    [
        (github, "72d3162e"),
        (stripe, "evt_1"),
        (slack, "Ev1"),
        (standard, "msg_1"),
    ]
}

#[test]
fn what_is_signed_reaches_its_script_as_it_came() {
    let cloud = TestCloud::start();
    let _app = app(&cloud);
    let at = now();
    for (delivery, id) in deliveries(at) {
        let answer = delivery
            .clone()
            .with("x-own", "kept")
            .send(&cloud)
            .expect(200)
            .json();
        let preset = &delivery.path[1..];
        let timestamp = if preset == "github" {
            Value::Null
        } else {
            json!(at * 1_000)
        };
        let webhook = json!({ "preset": preset, "id": id, "timestamp": timestamp });
        let expected = json!({ "webhook": webhook, "body": delivery.body(), "own": "kept" });
        assert_eq!(answer, expected, "{preset}");
        // It is signed still.
        delivery.send(&cloud).expect(200);
    }
    cloud.get("a.test", "/runs").says("8");
}

#[test]
fn what_is_not_signed_runs_nothing_and_is_told() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let mut refused = 0;
    let mut check = |delivery: &Delivery, told: &str| {
        let problem = delivery.send(&cloud).problem(401, "signature_invalid");
        let detail = problem["detail"].as_str().expect("a text");
        assert!(detail.contains(told), "{}: {detail}", delivery.path);
        refused += 1;
    };
    for (delivery, _) in deliveries(now()) {
        let bare = Delivery::new(delivery.path, delivery.body());
        check(&bare, "is missing");
        let mut changed = delivery.clone();
        changed.body.push(b' ');
        check(&changed, "does not fit");
    }
    for late in [301, 3_600, 86_400 * 365] {
        for (delivery, _) in deliveries(now() - late) {
            if delivery.path != "/github" {
                check(&delivery, "more than 300 s ago");
            }
        }
        for (delivery, _) in deliveries(now() + late + 60) {
            if delivery.path != "/github" {
                check(&delivery, "more than 300 s ahead");
            }
        }
    }
    cloud.get("a.test", "/runs").says("0");

    let records = app.executions("?status=error", refused);
    assert_eq!(records.len(), refused);
    for record in records {
        assert_eq!(record["response_status"], 401, "{record}");
        let id = record["id"].as_str().expect("an id");
        let record = cloud.owner().get(&format!("/admin/executions/{id}"));
        let error = record.expect(200).json()["error"].clone();
        assert_eq!(error["kind"], "webhook", "{error}");
    }
}

#[test]
fn a_key_is_changed_without_a_pause() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let old = Delivery::new("/github", "{}").github(KEY, "1");
    let new = Delivery::new("/github", "{}").github("another", "2");
    for (secret, old_is_good, new_is_good) in [
        (KEY.to_owned(), true, false),
        (format!("another\n{KEY}\n"), true, true),
        ("another".to_owned(), false, true),
    ] {
        set_secret(&app, "KEY", &secret);
        for (delivery, is_good) in [(&old, old_is_good), (&new, new_is_good)] {
            let status = if is_good { 200 } else { 401 };
            delivery.send(&cloud).expect(status);
        }
    }
}

#[test]
fn without_its_secret_a_webhook_takes_nothing() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let delivery = Delivery::new("/github", "{}").github(KEY, "1");
    delivery.send(&cloud).expect(200);
    cloud.owner().delete(&app.path("/secrets/KEY")).expect(204);
    let problem = delivery.send(&cloud).problem(503, "webhook_not_ready");
    assert!(!problem.to_string().contains("KEY"), "the public learns no names");
    let record = app.executions("?status=error", 1).remove(0);
    let id = record["id"].as_str().expect("an id");
    let record = cloud.owner().get(&format!("/admin/executions/{id}")).expect(200);
    let message = record.json()["error"]["message"].clone();
    assert!(
        message.as_str().is_some_and(|text| text.contains("`KEY`")),
        "{message}"
    );

    set_secret(&app, "KEY", " \n");
    delivery.send(&cloud).problem(503, "webhook_not_ready");
    set_secret(&app, "KEY", KEY);
    delivery.send(&cloud).expect(200);
    cloud.start_again();
    delivery.send(&cloud).expect(200);
}

#[test]
fn any_hmac_can_be_described() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let hmac = json!({ "header": "X-Signature", "encoding": "base64", "prefix": "v=",
        "timestamp_header": "X-Time", "id_header": "X-Id" });
    let webhook = json!({ "preset": "hmac", "secret": "KEY", "tolerance_s": 30, "hmac": hmac });
    let script = hook(&app, "/other", TELL, &webhook);
    let sign = |at: i64| {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let signature = STANDARD.encode(super::mac(KEY.as_bytes(), &format!("{at}.{{}}")));
        Delivery::new("/other", "{}")
            .with("x-signature", format!("v={signature}"))
            .with("x-time", at.to_string())
            .with("x-id", "7")
    };
    let at = now();
    let answer = sign(at).send(&cloud).expect(200).json();
    assert_eq!(
        answer["webhook"],
        json!({ "preset": "hmac", "id": "7", "timestamp": at * 1_000 })
    );
    sign(at - 100).send(&cloud).problem(401, "signature_invalid");
    // By its id, anybody may run a script: it sees that nobody has signed that.
    assert_eq!(script.execute().expect(200).json()["webhook"], Value::Null);
}
