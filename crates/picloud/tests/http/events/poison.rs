//! What ends servers is set aside, and holds up nobody.

use std::time::Instant;

use serde_json::{Value, json};

use super::{app, invoke_plain, kept};
use crate::harness::{App, TestCloud, WAIT_MAX};

/// Aborts after which a delivery is set aside.
const ABORTS: usize = 3;
/// Good events, which are published in as many portions, one before each abort and one after the last.
const GOOD: usize = 10_000;
const PORTION: usize = GOOD / (ABORTS + 1);
/// Events that one call may publish.
const BATCH_MAX: usize = 100;

/// It runs until its server ends.
const POISON: &str = "kv::incr(\"poisoned\"); transaction::commit(); sleep(250); 1";

/// Counts itself, beside the others of its portion.
const COUNTS: &str = "let good = request.event.data; kv::incr(`good/${good.portion}/${good.number}`); 1";

/// How many of a portion are done, and how often they were.
const DONE: &str = "let done = [0, 0]; let cursor = ();
    loop {
        let page = kv::list(`good/${request.query.portion}/`, #{limit: 1000, cursor: cursor});
        for entry in page.entries { done[0] += 1; done[1] += entry.value; }
        cursor = page.cursor;
        if cursor == () { break }
    }
    done";

#[test]
fn what_ends_servers_is_set_aside_at_the_third_abort_while_all_else_is_done() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    app.serve("/done", DONE);
    let good = app.script("good", COUNTS);
    let subscription = json!({ "name": "good", "script_id": good.id, "topic": "good" });
    cloud
        .owner()
        .post(&app.path("/subscriptions"), &subscription)
        .expect(201);
    let limits = json!({ "timeout_ms": 300_000 });
    let poison = app.script_with(json!({ "name": "poison", "limits": limits, "source": POISON }));

    let id = invoke_plain(&poison);
    for abort in 0..ABORTS {
        publish(&app, abort);
        wait_for_poison(&cloud, abort + 1);
        // So that none of those that ended with a server before does so again.
        (0..abort).for_each(|portion| wait_for_done(&cloud, portion));
        cloud.kill9();
        cloud.start_again();
    }
    publish(&app, ABORTS);
    (0..=ABORTS).for_each(|portion| wait_for_done(&cloud, portion));

    let dead = app.delivery(&id, "dead");
    assert_eq!(dead["reason"], "poison", "{dead:#}");
    assert_eq!(
        (&dead["aborts"], &dead["attempts"]),
        (&json!(ABORTS), &json!(0)),
        "{dead:#}"
    );
    assert_eq!(kept(&cloud, "poisoned"), json!(ABORTS));
    let dead = cloud.owner().get(&app.path("/deliveries?state=dead"));
    assert_eq!(crate::harness::items(dead).len(), 1);
}

/// Publishes the good ones of a portion, each batch once, however often the database has no connection to spare.
fn publish(app: &App<'_>, portion: usize) {
    let path = format!("/api/v1/apps/{}/events", app.slug);
    let numbers: Vec<usize> = (portion * PORTION..(portion + 1) * PORTION).collect();
    for numbers in numbers.chunks(BATCH_MAX) {
        let event = |number: &usize| {
            json!({ "specversion": "1.0", "id": number.to_string(), "source": "/test", "type": "good",
                "data": { "portion": portion, "number": number } })
        };
        let events: Value = numbers.iter().map(event).collect();
        let begun = Instant::now();
        loop {
            let call = app.cloud.owner().call("POST", &path);
            let call = call.header("content-type", "application/cloudevents-batch+json");
            let call = call.header("idempotency-key", &format!("from {}", numbers[0]));
            let answer = call.body(events.to_string()).send();
            if answer.status != 503 {
                answer.expect(202);
                break;
            }
            assert!(begun.elapsed() < WAIT_MAX, "a batch is never published");
        }
    }
}

/// Waits until all of a portion are done, each once; as long as there are more and more of them.
#[track_caller]
fn wait_for_done(cloud: &TestCloud, portion: usize) {
    let (mut begun, mut before) = (Instant::now(), 0);
    loop {
        let answer = cloud.get_in_turn("a.test", &format!("/done?portion={portion}"));
        // Others of the portion may be done while it counts, again and again.
        if answer.status != 409 {
            let [done, runs]: [usize; 2] =
                serde_json::from_value(answer.expect(200).json()).expect("two numbers");
            assert_eq!(done, runs, "some were done twice");
            if done == PORTION {
                return;
            }
            if done > before {
                (begun, before) = (Instant::now(), done);
            }
        }
        assert!(
            begun.elapsed() < WAIT_MAX,
            "{before} of a portion are done, and no more"
        );
    }
}

/// Waits until the poison has begun to run so often.
#[track_caller]
fn wait_for_poison(cloud: &TestCloud, times: usize) {
    let begun = Instant::now();
    while kept(cloud, "poisoned") != json!(times) {
        assert!(begun.elapsed() < WAIT_MAX, "it has not run {times} times");
    }
}
