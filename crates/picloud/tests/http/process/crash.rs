//! `kill -9` at any moment loses nothing that was acknowledged.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
};

use serde_json::{Value, json};

use crate::harness::{TestCloud, items};

const ROUNDS: u64 = 20;
const WRITERS: usize = 3;
/// Keys of a file: three steps of an import.
const IMPORTED: u64 = 2_500;

/// The last source of a script that was acknowledged, and the one that was sent after it, if any.
#[derive(Clone, Default)]
struct Entry {
    id: String,
    acknowledged: u64,
    sent: u64,
}

#[test]
fn every_acknowledged_write_is_there_after_a_crash() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let mut random = fastrand::Rng::with_seed(20);
    let ledger: Vec<Mutex<Entry>> = (0..WRITERS)
        .map(|writer| {
            let id = app.serve(&format!("/{writer}"), "0").id;
            Mutex::new(Entry {
                id,
                ..Entry::default()
            })
        })
        .collect();
    let made = Mutex::new(Vec::new());
    let keys = app.path("/kv");
    let mut imports = Imports::default();
    for round in 0..ROUNDS {
        let (crashed, writes) = (AtomicBool::new(false), AtomicU32::new(0));
        thread::scope(|scope| {
            for entry in &ledger {
                scope.spawn(|| save_until(&cloud, entry, &crashed, &writes));
            }
            scope.spawn(|| create_until(&cloud, &app.id, round, &made, &crashed, &writes));
            scope.spawn(|| put_until(&cloud, &format!("{keys}/p{round}"), &crashed, &writes));
            scope.spawn(|| import(&cloud, &keys, round));
            // The moment is random: after some writes, and then in the middle of whatever runs.
            let after = random.u32(1..40);
            while writes.load(Ordering::Relaxed) < after {
                thread::yield_now();
            }
            cloud.kill9();
            crashed.store(true, Ordering::Relaxed);
        });
        cloud.start_again();
        assert_recorded(&cloud, &keys);
        imports.compare(&cloud, &keys, round);
        for entry in &ledger {
            compare(&cloud, &mut entry.lock().expect("no writer panics"));
        }
        for name in made.lock().expect("no writer panics").drain(..) {
            cloud.owner().get(&format!("/admin/apps/{name}")).expect(200);
        }
    }
}

/// A change and its record in the audit log are there together or not at all.
fn assert_recorded(cloud: &TestCloud, keys: &str) {
    let owner = cloud.owner();
    let verdict = owner.post("/admin/audit:verify", &json!({})).expect(200).json();
    assert_eq!(verdict["valid"], true, "{verdict}");
    let apps = count(cloud, "/admin/apps?limit=200");
    assert_eq!(count(cloud, "/admin/audit?limit=200&action=create_app"), apps);
    let keys = count(cloud, &format!("{keys}?limit=200&prefix=p"));
    assert_eq!(count(cloud, "/admin/audit?limit=200&action=put_kv"), keys);
    for script in items(owner.get("/admin/scripts?app=a")) {
        let id = script["id"].as_str().expect("an id");
        let saves = count(
            cloud,
            &format!("/admin/audit?limit=200&action=update_script&target={id}"),
        );
        assert_eq!(script["version"].as_u64(), Some(saves + 1));
    }
}

/// The length of a list, page by page.
fn count(cloud: &TestCloud, path: &str) -> u64 {
    let (mut length, mut cursor) = (0, String::new());
    loop {
        let page = cloud.owner().get(&format!("{path}{cursor}")).expect(200).json();
        length += page["items"].as_array().map_or(0, |items| items.len() as u64);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return length,
        }
    }
}

/// Saves one script again and again, each time with the next number as its source.
fn save_until(cloud: &TestCloud, entry: &Mutex<Entry>, crashed: &AtomicBool, writes: &AtomicU32) {
    let mut entry = entry.lock().expect("no writer panics");
    while !crashed.load(Ordering::Relaxed) {
        entry.sent += 1;
        let path = format!("/api/v1/admin/scripts/{}", entry.id);
        let call = cloud
            .owner()
            .call("PATCH", &path)
            .json(&json!({ "source": entry.sent.to_string() }));
        match call.try_send() {
            Ok(answer) => {
                answer.expect(200);
                entry.acknowledged = entry.sent;
                writes.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => break,
        }
    }
}

/// Writes one key of an app after the other.
fn put_until(cloud: &TestCloud, beginning: &str, crashed: &AtomicBool, writes: &AtomicU32) {
    for number in 0_u32.. {
        if crashed.load(Ordering::Relaxed) {
            break;
        }
        let path = format!("/api/v1{beginning}-{number}");
        let call = cloud.owner().call("PUT", &path).json(&json!({ "value": number }));
        match call.try_send() {
            Ok(answer) => {
                answer.expect(200);
                writes.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => break,
        }
    }
}

/// Imports a file, as far as that goes.
fn import(cloud: &TestCloud, keys: &str, round: u64) {
    let line = |number: u64| format!("{{\"key\":\"i{round}-{number}\",\"value\":1}}\n");
    let file: String = (0..IMPORTED).map(line).collect();
    let call = cloud.owner().call("POST", &format!("/api/v1{keys}:import"));
    let call = call.header("content-type", "application/x-ndjson").body(file);
    drop(call.try_send());
}

/// How many imports have begun to write, and how many have written all.
#[derive(Debug, Default, PartialEq)]
struct Imports {
    begun: usize,
    ended: usize,
}

impl Imports {
    /// Whatever an import has written, there is a record of how much that was to be; and of the end, if it came so far.
    fn compare(&mut self, cloud: &TestCloud, keys: &str, round: u64) {
        let written = count(cloud, &format!("{keys}?limit=200&prefix=i{round}-"));
        self.begun += usize::from(written > 0);
        self.ended += usize::from(written == IMPORTED);
        let records = items(cloud.owner().get("/admin/audit?limit=200&action=import_kv"));
        let those_with = |state: &Value| records.iter().filter(|record| record["after"] == *state).count();
        let found = Self {
            begun: those_with(&json!({ "keys_to_write": IMPORTED })),
            ended: those_with(&json!({ "keys_written": IMPORTED })),
        };
        assert_eq!(found, *self, "{written} keys of the last one");
    }
}

/// Makes one app after the other.
fn create_until(
    cloud: &TestCloud,
    prefix: &str,
    round: u64,
    made: &Mutex<Vec<String>>,
    crashed: &AtomicBool,
    writes: &AtomicU32,
) {
    let prefix: String = prefix.chars().rev().take(8).collect();
    for number in 0_u32.. {
        let slug = format!("app-{prefix}-{round}-{number}");
        let call = cloud
            .owner()
            .call("POST", "/api/v1/admin/apps")
            .json(&json!({ "slug": slug, "name": slug }));
        match call.try_send() {
            Ok(answer) => {
                answer.expect(201);
                made.lock().expect("no writer panics").push(slug);
                writes.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => break,
        }
        if crashed.load(Ordering::Relaxed) {
            break;
        }
    }
}

/// The script must have the last source that was acknowledged, or the one after it, whose answer was lost. What
/// it has must also be what it serves.
fn compare(cloud: &TestCloud, entry: &mut Entry) {
    let script = cloud
        .owner()
        .get(&format!("/admin/scripts/{}", entry.id))
        .expect(200)
        .json();
    let found: u64 = script["source"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .expect("the source is a number");
    assert!(
        found == entry.acknowledged || found == entry.sent,
        "acknowledged {}, sent {}, found {found}",
        entry.acknowledged,
        entry.sent
    );
    cloud
        .get("localhost", &format!("/api/v1/execute/{}", entry.id))
        .says(&found.to_string());
    (entry.acknowledged, entry.sent) = (found, found);
}
