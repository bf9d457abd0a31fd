//! `kill -9` loses no run that was accepted, and does nothing of one twice.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use serde_json::{Value, json};

use super::{app, invoke_plain, kept, wait_for};
use crate::harness::{Done, TestCloud, rounds};

const CLIENTS: usize = 3;
const ROUNDS: usize = 3;
/// Answers in a round before the server ends.
const ANSWERS_MAX: u32 = 60;

#[test]
fn a_run_that_is_cut_off_runs_again_and_what_it_does_is_there_once() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    app.serve("/go", "kv::set(\"go\", true); \"\"");
    let limits = json!({ "timeout_ms": 300_000 });
    let script = app.script_with(json!({ "name": "long", "limits": limits, "source":
        "kv::set(\"begun\", true);
         transaction::commit();
         kv::incr(\"n\");
         if kv::get(\"go\") == () { sleep(250) }
         kv::set(\"attempt\", request.event.attempt);
         1" }));
    invoke_plain(&script);
    wait_for(&cloud, "begun", &json!(true));
    cloud.get("a.test", "/go").says("");
    cloud.kill9();
    cloud.start_again();
    wait_for(&cloud, "attempt", &json!(1));
    assert_eq!(kept(&cloud, "n"), json!(1));
}

/// What became of each request: its answer was 202, or nobody knows.
type Ledger = Mutex<BTreeMap<u64, bool>>;

/// Asks for one run after the other, each with a number of its own.
fn invoke_until(cloud: &TestCloud, path: &str, client: u64, ledger: &Ledger, over: &AtomicBool) {
    for number in 0_u64.. {
        if over.load(Ordering::Relaxed) {
            return;
        }
        let number = client + number * CLIENTS as u64;
        let number = {
            // The numbers of earlier rounds are taken.
            let mut ledger = ledger.lock().expect("no client panics");
            let free = (number..)
                .step_by(CLIENTS)
                .find(|number| !ledger.contains_key(number))
                .expect("a number");
            ledger.insert(free, false);
            free
        };
        let call = cloud
            .call("POST", "localhost", path)
            .header("prefer", "respond-async")
            .json(&json!({ "number": number }));
        match call.try_send() {
            Ok(answer) if answer.status == 202 => {
                ledger.lock().expect("no client panics").insert(number, true);
            }
            Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
            Err(_) => return,
        }
    }
}

#[test]
fn nothing_that_was_accepted_is_lost_and_nothing_is_done_twice() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let script = app.script("count", "kv::incr(\"run/\" + request.json().number); 1");
    app.serve(
        "/runs",
        "let runs = #{}; let cursor = ();
         loop {
             let page = kv::list(\"run/\", #{limit: 1000, cursor: cursor});
             for entry in page.entries { runs[entry.key.sub_string(4)] = entry.value; }
             cursor = page.cursor;
             if cursor == () { break }
         }
         runs",
    );
    let path = format!("/api/v1/execute/{}", script.id);
    let ledger = Ledger::default();
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..rounds(ROUNDS) {
        let before = accepted(&ledger);
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let _end = Done(&over);
            for client in 0..CLIENTS as u64 {
                let (cloud, path, ledger, over) = (&cloud, &path, &ledger, &over);
                scope.spawn(move || invoke_until(cloud, path, client, ledger, over));
            }
            let after = before + random.usize(1..ANSWERS_MAX as usize);
            while accepted(&ledger) < after {
                thread::yield_now();
            }
            cloud.kill9();
        });
        cloud.start_again();
    }
    // What was accepted is there sooner or later; what nobody knows of may be.
    let ledger = ledger.into_inner().expect("no client panics");
    let begun = std::time::Instant::now();
    let found = loop {
        let found: BTreeMap<String, Value> =
            serde_json::from_slice(&cloud.get("a.test", "/runs").expect(200).body).expect("a map");
        let missing = ledger
            .iter()
            .filter(|(number, accepted)| **accepted && !found.contains_key(&number.to_string()))
            .count();
        if missing == 0 {
            break found;
        }
        assert!(
            begun.elapsed() < crate::harness::WAIT_MAX,
            "{missing} runs are missing"
        );
    };
    for (number, runs) in &found {
        let number: u64 = number.parse().expect("a number");
        assert!(ledger.contains_key(&number), "{number} was never asked for");
        assert_eq!(*runs, json!(1), "{number} was done twice");
    }
}

fn accepted(ledger: &Ledger) -> usize {
    let ledger = ledger.lock().expect("no client panics");
    ledger.values().filter(|accepted| **accepted).count()
}
