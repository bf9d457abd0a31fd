//! Changes of an app's data, as events.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Instant,
};

use serde_json::{Value, json};

use super::{app, kept, wait_for};
use crate::harness::{App, Done, TestCloud, WAIT_MAX, items, rounds};

const CLIENTS: usize = 3;
const ROUNDS: usize = 3;
/// Answers in a round before the server ends.
const ANSWERS_MAX: usize = 60;

/// A subscription to a topic; what else it has is in `more`.
#[track_caller]
fn subscribe(app: &App<'_>, topic: &str, source: &str, more: &Value) {
    let script = app.script("subscriber", source);
    let mut body = json!({ "name": "subscriber", "script_id": script.id, "topic": topic });
    for (field, value) in more.as_object().into_iter().flatten() {
        body[field] = value.clone();
    }
    app.cloud
        .owner()
        .post(&app.path("/subscriptions"), &body)
        .expect(201);
}

/// All that was told, in the order of the topics and subjects. An event stands there as soon as its change is committed.
#[track_caller]
fn told(app: &App<'_>) -> Vec<(String, String, Value)> {
    let owner = app.cloud.owner();
    let deliveries = items(owner.get(&app.path("/deliveries?origin=subscription&limit=200")));
    let mut told: Vec<_> = deliveries
        .iter()
        .map(|delivery| {
            let id = delivery["id"].as_str().expect("an id");
            let found = owner
                .get(&app.path(&format!("/deliveries/{id}")))
                .expect(200)
                .json();
            let event = &found["event"];
            let text = |name: &str| event[name].as_str().expect("a text").to_owned();
            assert_eq!(event["key"], event["subject"], "{event}");
            (text("topic"), text("subject"), event["data"].clone())
        })
        .collect();
    told.sort_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
    told
}

/// The same, without the data.
#[track_caller]
fn topics(app: &App<'_>) -> Vec<(String, String)> {
    told(app)
        .into_iter()
        .map(|(topic, subject, _)| (topic, subject))
        .collect()
}

fn pair(topic: &str, subject: &str) -> (String, String) {
    (topic.to_owned(), subject.to_owned())
}

#[test]
fn what_a_run_has_written_to_keys_is_told_and_nothing_of_one_that_failed() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    subscribe(&app, "picloud.kv.*", "1", &json!({}));
    app.serve(
        "/write",
        "kv::set(\"a\", 1); kv::set(\"a\", #{n: 2}); kv::set(\"b\", blob(3)); kv::delete(\"nobody\"); \"\"",
    );
    app.serve("/fail", "kv::set(\"c\", 1); throw \"no\"");
    app.serve("/undo", "kv::set(\"c\", 1); throw #{status: 409}");
    app.serve("/delete", "kv::delete(\"a\"); kv::delete(\"a\"); \"\"");
    cloud.get("a.test", "/write").says("");
    cloud.get("a.test", "/fail").expect(500);
    cloud.get("a.test", "/undo").expect(409);
    let told = told(&app);
    let data: Vec<_> = told
        .iter()
        .map(|(_, subject, data)| (subject.as_str(), data))
        .collect();
    let by = data[0].1["by"].clone();
    let execution = by["execution_id"].as_str().expect("an id");
    assert!(
        app.executions("?status=success", 1)
            .iter()
            .any(|run| run["id"] == execution),
        "{by}"
    );
    let a =
        json!({ "key": "a", "type": "json", "value": { "n": 2 }, "bytes": 7, "truncated": false, "by": by });
    let b = json!({ "key": "b", "type": "blob", "bytes": 3, "truncated": true, "by": by });
    assert_eq!(data, [("a", &a), ("b", &b)]);
    cloud.get("a.test", "/delete").says("");
    let (changed, deleted) = ("picloud.kv.changed", "picloud.kv.deleted");
    assert_eq!(
        topics(&app),
        [pair(changed, "a"), pair(changed, "b"), pair(deleted, "a")]
    );
}

#[test]
fn what_becomes_of_documents_is_told_by_collection() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let keep = "let event = request.event; kv::set(event.subject, [event.topic, event.data.document]); 1";
    subscribe(&app, "picloud.docs.people.*", keep, &json!({ "ordered": true }));
    app.serve(
        "/write",
        "docs::insert(\"people\", \"ada\", #{age: 36}); docs::insert(\"people\", \"bob\", #{age: 1});
         docs::insert(\"people\", \"nobody\", #{}); docs::delete(\"people\", \"nobody\");
         docs::insert(\"other\", \"ada\", #{}); \"\"",
    );
    app.serve(
        "/change",
        "docs::patch(\"people\", \"ada\", #{age: 37}); docs::delete(\"people\", \"bob\"); \"\"",
    );
    cloud.get("a.test", "/write").says("");
    wait_for(
        &cloud,
        "people/bob",
        &json!(["picloud.docs.people.inserted", { "age": 1 }]),
    );
    cloud.get("a.test", "/change").says("");
    wait_for(
        &cloud,
        "people/ada",
        &json!(["picloud.docs.people.changed", { "age": 37 }]),
    );
    wait_for(
        &cloud,
        "people/bob",
        &json!(["picloud.docs.people.deleted", null]),
    );
    assert_eq!(
        topics(&app),
        [
            pair("picloud.docs.people.changed", "people/ada"),
            pair("picloud.docs.people.deleted", "people/bob"),
            pair("picloud.docs.people.inserted", "people/ada"),
            pair("picloud.docs.people.inserted", "people/bob"),
        ]
    );
}

#[test]
fn what_becomes_of_users_is_told_without_what_signs_them_in() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    subscribe(&app, "picloud.users.*", "1", &json!({}));
    app.serve(
        "/join",
        "users::create(#{name: \"ada\", password: \"correct horse\", email: \"ada@example.com\"}).id",
    );
    let id = cloud.get("a.test", "/join").expect(200).text();
    let users = app.path("/users");
    let path = format!("{users}/{id}");
    let owner = cloud.owner();
    owner.patch(&path, &json!({ "name": "grace" })).expect(200);
    owner.delete(&path).expect(204);
    let told = told(&app);
    let topics: Vec<_> = told.iter().map(|(topic, ..)| topic.as_str()).collect();
    assert_eq!(
        topics,
        [
            "picloud.users.changed",
            "picloud.users.created",
            "picloud.users.deleted"
        ]
    );
    assert!(told.iter().all(|(_, subject, _)| *subject == id), "{told:?}");
    let me = owner.get("/admin/auth/me").expect(200).json()["id"].clone();
    let by = json!({ "user_id": me });
    let changed =
        json!({ "id": id, "name": "grace", "email": "ada@example.com", "is_active": true, "by": by });
    assert_eq!(told[0].2, changed);
    assert_eq!(told[1].2["name"], "ada");
    assert_eq!(told[2].2, json!({ "id": id, "by": by }));
}

#[test]
fn what_people_change_is_told_too() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    subscribe(
        &app,
        "picloud.*",
        "1",
        &json!({ "filter": { "data.by.user_id": { "exists": true } } }),
    );
    let owner = cloud.owner();
    let key = app.path("/kv/a");
    owner.put(&key, &json!({ "value": 1 })).expect(200);
    owner.delete(&key).expect(204);
    let file = |path: &str, body: &str| {
        owner
            .call("POST", &format!("/api/v1{}", app.path(path)))
            .header("content-type", "application/x-ndjson")
            .body(body)
            .send()
            .expect(200);
    };
    file(
        "/kv:import",
        "{\"key\":\"b\",\"value\":1}\n{\"key\":\"c\",\"value\":2}\n",
    );
    owner
        .post(&app.path("/collections"), &json!({ "name": "people" }))
        .expect(201);
    let documents = app.path("/collections/people/documents");
    owner
        .post(&documents, &json!({ "id": "ada", "document": { "age": 36 } }))
        .expect(201);
    owner
        .patch(&format!("{documents}/ada"), &json!({ "document": { "age": 37 } }))
        .expect(200);
    owner.delete(&format!("{documents}/ada")).expect(204);
    file(
        "/collections/people/documents:import",
        "{\"id\":\"bob\",\"document\":{\"age\":1}}\n",
    );
    file("/users:import", "{\"name\":\"ada\"}\n");
    let found: Vec<_> = topics(&app)
        .into_iter()
        .map(|(topic, subject)| {
            let is_user = topic.starts_with("picloud.users.");
            let subject = if is_user { "its id".to_owned() } else { subject };
            (topic, subject)
        })
        .collect();
    assert_eq!(
        found,
        [
            pair("picloud.docs.people.changed", "people/ada"),
            pair("picloud.docs.people.deleted", "people/ada"),
            pair("picloud.docs.people.inserted", "people/ada"),
            pair("picloud.docs.people.inserted", "people/bob"),
            pair("picloud.kv.changed", "a"),
            pair("picloud.kv.changed", "b"),
            pair("picloud.kv.changed", "c"),
            pair("picloud.kv.deleted", "a"),
            pair("picloud.users.created", "its id"),
        ]
    );
}

#[test]
fn each_change_is_told_once_in_its_order_however_many_runs_meet() {
    const EACH: usize = 10;
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let log = "let value = request.event.data.value;
        let all = docs::get(\"log\", \"all\")?.values ?? [];
        if all.len() == 0 { docs::insert(\"log\", \"all\", #{values: [value]}); }
        else { docs::patch(\"log\", \"all\", #{values: all + [value]}); }
        1";
    subscribe(
        &app,
        "picloud.kv.changed",
        log,
        &json!({ "ordered": true, "filter": { "key": "n" } }),
    );
    app.serve("/incr", "kv::incr(\"n\"); \"\"");
    app.serve("/log", "docs::get(\"log\", \"all\")?.values ?? []");
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                for _ in 0..EACH {
                    cloud.get_in_turn("a.test", "/incr").says("");
                }
            });
        }
    });
    let expected: Vec<usize> = (1..=CLIENTS * EACH).collect();
    let begun = Instant::now();
    loop {
        let found = cloud.get_in_turn("a.test", "/log").expect(200).json();
        if found == json!(expected) {
            break;
        }
        assert!(begun.elapsed() < WAIT_MAX, "{found}");
    }
    assert_eq!(told(&app).len(), expected.len());
}

#[test]
fn a_script_that_changes_what_it_is_told_of_ends_with_a_loop_that_is_seen() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let more = json!({ "filter": { "key": "k" }, "retry": { "attempts_max": 1 } });
    subscribe(&app, "picloud.kv.changed", "kv::incr(\"k\"); 1", &more);
    app.serve("/start", "kv::set(\"k\", 0); \"\"");
    cloud.get("a.test", "/start").says("");
    // The first event is at depth 0, and what the run for the one at depth 15 writes is one too many.
    wait_for(&cloud, "k", &json!(15));
    let begun = Instant::now();
    let dead = loop {
        let dead = items(cloud.owner().get(&app.path("/deliveries?state=dead")));
        if let [dead] = &dead[..] {
            break dead.clone();
        }
        assert!(begun.elapsed() < WAIT_MAX, "{dead:?}");
    };
    let error = dead["error"].as_str().expect("a text");
    assert!(error.contains("taken for a loop"), "{error}");
    let id = dead["id"].as_str().expect("an id");
    let run = app.executions(&format!("?delivery={id}"), 1)[0]["id"].clone();
    let run = format!("/admin/executions/{}", run.as_str().expect("an id"));
    let run = cloud.owner().get(&run).expect(200).json();
    assert_eq!(run["error"]["kind"], "loop_detected");
    assert_eq!(kept(&cloud, "k"), json!(15));
}

#[test]
fn a_request_of_a_script_to_the_api_counts_in_its_chain() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    subscribe(
        &app,
        "picloud.kv.changed",
        "1",
        &json!({ "filter": { "key": "a" } }),
    );
    let put = |key: &str, depth: &str| {
        let path = format!("/api/v1{}", app.path(&format!("/kv/{key}")));
        let call = cloud.owner().call("PUT", &path).header("x-picloud-depth", depth);
        call.json(&json!({ "value": depth })).send()
    };
    put("a", "15").expect(200);
    put("a", "16").problem(508, "loop_detected");
    put("b", "16").expect(200);
    let key = cloud.owner().get(&app.path("/kv/a")).expect(200).json();
    assert_eq!(key["value"], "15");
}

#[test]
fn whoever_wants_to_know_is_told_when_what_a_change_starts_fails() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let more = json!({ "filter": { "key": "a" }, "retry": { "attempts_max": 1 } });
    subscribe(&app, "picloud.kv.changed", "throw \"no\"", &more);
    let script = app.script("dead", "kv::set(\"dead\", request.event.data.event.topic); 1");
    let body = json!({ "name": "dead", "script_id": script.id, "topic": "picloud.delivery.dead" });
    cloud.owner().post(&app.path("/subscriptions"), &body).expect(201);
    cloud
        .owner()
        .put(&app.path("/kv/a"), &json!({ "value": 1 }))
        .expect(200);
    wait_for(&cloud, "dead", &json!("picloud.kv.changed"));
}

/// What became of each request: it was answered, or nobody knows.
type Ledger = Mutex<BTreeMap<usize, bool>>;

/// Has one key written after the other.
fn write_until(cloud: &TestCloud, client: usize, ledger: &Ledger, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        let number = {
            // The numbers of earlier rounds are taken.
            let mut ledger = ledger.lock().expect("no client panics");
            let free = (client..)
                .step_by(CLIENTS)
                .find(|number| !ledger.contains_key(number))
                .expect("a number");
            ledger.insert(free, false);
            free
        };
        let call = cloud.call("GET", "a.test", &format!("/write?n={number}"));
        match call.try_send() {
            Ok(answer) if answer.status == 200 => {
                ledger.lock().expect("no client panics").insert(number, true);
            }
            Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
            Err(_) => return,
        }
    }
}

#[test]
fn each_write_that_was_answered_has_one_event_after_kills() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    // A text that begins with `w/` stands between these two.
    let more = json!({ "filter": { "key": { "gte": "w/", "lt": "w0" } } });
    subscribe(
        &app,
        "picloud.kv.changed",
        "kv::incr(\"seen/\" + request.event.key.sub_string(2)); 1",
        &more,
    );
    app.serve("/write", "kv::set(\"w/\" + request.query.n, 1); \"\"");
    app.serve(
        "/all",
        "let all = #{}; let cursor = ();
         loop {
             let page = kv::list(request.query.prefix, #{limit: 1000, cursor: cursor});
             for entry in page.entries { all[entry.key.sub_string(request.query.prefix.len)] = entry.value; }
             cursor = page.cursor;
             if cursor == () { break }
         }
         all",
    );
    let ledger = Ledger::default();
    let answered = || {
        let ledger = ledger.lock().expect("no client panics");
        ledger.values().filter(|answered| **answered).count()
    };
    let mut random = fastrand::Rng::with_seed(11);
    for _ in 0..rounds(ROUNDS) {
        let before = answered();
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let _end = Done(&over);
            for client in 0..CLIENTS {
                let (cloud, ledger, over) = (&cloud, &ledger, &over);
                scope.spawn(move || write_until(cloud, client, ledger, over));
            }
            let after = before + random.usize(1..ANSWERS_MAX);
            while answered() < after {
                thread::yield_now();
            }
            cloud.kill9();
        });
        cloud.start_again();
    }
    let all = |prefix: &str| -> BTreeMap<usize, u64> {
        let found = cloud.get_in_turn("a.test", &format!("/all?prefix={prefix}"));
        let found: BTreeMap<String, u64> = serde_json::from_slice(&found.expect(200).body).expect("a map");
        let numbered = found.into_iter();
        numbered
            .map(|(number, count)| (number.parse().expect("a number"), count))
            .collect()
    };
    // Nothing writes any more.
    let written = all("w/");
    for (number, answered) in &*ledger.lock().expect("no client panics") {
        assert!(!answered || written.contains_key(number), "{number} is lost");
    }
    let begun = Instant::now();
    while all("seen/").len() < written.len() {
        assert!(begun.elapsed() < WAIT_MAX, "events are missing");
    }
    assert_eq!(all("seen/"), written);
}
