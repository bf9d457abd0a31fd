//! Webhooks that answer at once, and run their script later.

use std::thread;

use serde_json::{Value, json};

use super::{Delivery, KEY, hook, now, set_secret};
use crate::harness::{App, TestCloud, items, until};

const COUNT: &str =
    "kv::incr(request.webhook.id ?? \"none\"); kv::set(\"seen\", [request.webhook, request.body]); 1";

fn app(cloud: &TestCloud) -> App<'_> {
    let app = cloud.app_with_domain("a");
    set_secret(&app, "KEY", KEY);
    for preset in ["github", "stripe"] {
        let webhook = json!({ "preset": preset, "secret": "KEY", "respond": "accept" });
        hook(&app, &format!("/{preset}"), COUNT, &webhook);
    }
    app.serve("/kept", "json::stringify(kv::get(request.query.key))");
    app
}

fn kept(cloud: &TestCloud, key: &str) -> Value {
    cloud
        .get_in_turn("a.test", &format!("/kept?key={key}"))
        .expect(200)
        .json()
}

/// The id of the run that somebody who sends this is told of.
#[track_caller]
fn accepted(cloud: &TestCloud, delivery: &Delivery) -> String {
    // The database may have no connection to spare: then nothing has happened, and it is sent again.
    let answer = until(202, || delivery.send(cloud));
    assert_eq!(
        answer.header("location"),
        None,
        "a stranger is not told where to ask"
    );
    let id = answer.json()["invocation_id"].clone();
    id.as_str().expect("an id").to_owned()
}

#[test]
fn a_delivery_that_is_sent_again_runs_once() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let at = now();
    let first = Delivery::new("/stripe", "{\"id\":\"evt_1\",\"pending_webhooks\":2}");
    // Signed anew, with another body, as Stripe does it.
    let again = Delivery::new("/stripe", "{\"id\":\"evt_1\",\"pending_webhooks\":1}");
    let other = Delivery::new("/stripe", "{\"id\":\"evt_2\"}").stripe(KEY, at);
    let id = accepted(&cloud, &first.clone().stripe(KEY, at));
    app.delivery(&id, "done");
    let webhook = json!({ "preset": "stripe", "id": "evt_1", "timestamp": at * 1_000 });
    assert_eq!(kept(&cloud, "seen"), json!([webhook, first.body()]));

    assert_eq!(accepted(&cloud, &again.clone().stripe(KEY, at - 7)), id);
    cloud.start_again();
    assert_eq!(accepted(&cloud, &again.stripe(KEY, at + 7)), id);
    let other = accepted(&cloud, &other);
    assert_ne!(other, id);
    app.delivery(&other, "done");
    assert_eq!(
        (kept(&cloud, "evt_1"), kept(&cloud, "evt_2")),
        (json!(1), json!(1))
    );
    assert_eq!(items(cloud.owner().get(&app.path("/deliveries"))).len(), 2);
    let record = app.executions("?trigger=async", 2).remove(0);
    assert_eq!(record["status"], "success");
}

#[test]
fn of_many_at_one_time_one_runs() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let delivery = Delivery::new("/github", "{}").github(KEY, "72d3162e");
    let ids: Vec<String> = thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| accepted(&cloud, &delivery)))
            .collect();
        let ids = clients.into_iter().map(thread::ScopedJoinHandle::join);
        ids.map(|id| id.expect("it was accepted")).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    app.delivery(&ids[0], "done");
    assert_eq!(kept(&cloud, "72d3162e"), json!(1));

    // Without an id its signature names it.
    let mut without = delivery.clone();
    without.headers.retain(|(name, _)| *name != "x-github-delivery");
    let id = accepted(&cloud, &without);
    assert_ne!(id, ids[0]);
    assert_eq!(accepted(&cloud, &without), id);
    app.delivery(&id, "done");
    assert_eq!(kept(&cloud, "none"), json!(1));
}

#[test]
fn an_id_that_is_not_signed_is_not_used_up_by_others() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    // Whoever has caught the first can send it with the id of the second.
    let caught = Delivery::new("/github", "{\"number\":1}").github(KEY, "72d3162e");
    let to_come = Delivery::new("/github", "{\"number\":2}").github(KEY, "72d3162e");
    let first = accepted(&cloud, &caught);
    let second = accepted(&cloud, &to_come);
    assert_ne!(first, second);
    assert_eq!(accepted(&cloud, &to_come), second);
    app.delivery(&first, "done");
    app.delivery(&second, "done");
    assert_eq!(kept(&cloud, "72d3162e"), json!(2));
}

#[test]
fn what_is_not_signed_is_not_kept() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    Delivery::new("/github", "{}")
        .send(&cloud)
        .problem(401, "signature_invalid");
    let large = format!("\"{}\"", "x".repeat(256 * 1_024));
    Delivery::new("/github", &large)
        .github(KEY, "1")
        .send(&cloud)
        .problem(413, "body_too_large");
    let compressed = Delivery::new("/github", "{}").github(KEY, "1");
    compressed
        .with("content-encoding", "gzip")
        .send(&cloud)
        .problem(415, "unsupported_media_type");
    assert_eq!(items(cloud.owner().get(&app.path("/deliveries"))).len(), 0);
}
