//! Clients that publish again and again, with one key, until they know that it is published; while the server ends as if
//! power were lost.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use serde_json::{Value, json};

use super::app;
use crate::harness::{App, TestCloud, WAIT_MAX, rounds};

const CLIENTS: usize = 50;
/// Keys that all of them use, one after the other.
const KEYS: usize = 60;
/// The server ends after so many keys, again and again.
const KEYS_PER_END: usize = 20;

/// What the events with each number have done.
const RUNS: &str = "let runs = #{}; let cursor = ();
    loop {
        let page = kv::list(\"run/\", #{limit: 1000, cursor: cursor});
        for entry in page.entries { runs[entry.key.sub_string(4)] = entry.value; }
        cursor = page.cursor;
        if cursor == () { break }
    }
    runs";

#[test]
fn what_many_publish_with_one_key_is_published_once() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    app.serve("/runs", RUNS);
    let script = app.script("count", "kv::incr(`run/${request.event.data}`); 1");
    let subscription = json!({ "name": "count", "script_id": script.id, "topic": "counted" });
    cloud
        .owner()
        .post(&app.path("/subscriptions"), &subscription)
        .expect(201);

    let keys = rounds(KEYS);
    let (done, ids) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                for key in 0..keys {
                    let id = publish_until_known(&app, key);
                    let mut ids = ids.lock().expect("no client panics");
                    ids.entry(key).or_insert_with(BTreeSet::new).insert(id);
                    drop(ids);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for end in (KEYS_PER_END / 2..keys).step_by(KEYS_PER_END) {
            while done.load(Ordering::Relaxed) < end * CLIENTS {
                thread::yield_now();
            }
            cloud.kill9();
            cloud.start_again();
        }
    });

    let ids = ids.into_inner().expect("no client panics");
    assert!(ids.values().all(|of_key| of_key.len() == 1), "{ids:?}");
    let all: BTreeSet<_> = ids.into_values().flatten().collect();
    assert_eq!(all.len(), keys, "each key has its event");
    let once: Value = (0..keys).map(|key| (key.to_string(), json!(1))).collect();
    let begun = Instant::now();
    loop {
        let runs = cloud.get_in_turn("a.test", "/runs").expect(200).json();
        if runs == once {
            break;
        }
        assert!(begun.elapsed() < WAIT_MAX, "{runs}");
    }
    // What was published twice would be there, if it had run yet or not.
    for state in ["waiting", "running", "dead"] {
        let found = cloud
            .owner()
            .get(&app.path(&format!("/deliveries?state={state}")));
        assert_eq!(found.expect(200).json()["items"], json!([]), "{state}");
    }
}

/// Publishes an event with a key until the server says that it is published; gives the id that it says.
fn publish_until_known(app: &App<'_>, key: usize) -> String {
    let path = format!("/api/v1/apps/{}/events", app.slug);
    let event = json!({ "specversion": "1.0", "id": key.to_string(), "source": "/test", "type": "counted",
        "data": key });
    let begun = Instant::now();
    loop {
        let call = app
            .cloud
            .owner()
            .call("POST", &path)
            .header("content-type", "application/cloudevents+json")
            .header("idempotency-key", &format!("key {key}"))
            .body(event.to_string());
        match call.try_send() {
            Ok(answer) if answer.status == 202 => {
                let published = answer.json();
                return published["ids"][0].as_str().expect("an id").to_owned();
            }
            // It stops, or the database has no connection to spare.
            Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
            // It has ended, and starts again.
            Err(_) => {}
        }
        assert!(begun.elapsed() < WAIT_MAX, "{key} is never published");
    }
}
