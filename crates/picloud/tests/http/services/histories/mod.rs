//! Single keys behave as if each call happened at one moment between its request and its answer: they are linearizable.
//!
//! Clients call while the server, or its database, ends in the middle; what each asked for, was told, and when, is a
//! history. [`checker`] says whether there is an order that explains it. `PICLOUD_TEST_ROUNDS` gives another number of
//! histories.

mod checker;
mod key;

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use serde_json::json;

use self::{
    checker::{Event, explain},
    key::{Call, Told},
};
use super::fault::{Fault, Outcome, Progress};
use crate::harness::{TestCloud, rounds};

const HISTORIES: usize = 4;
const CLIENTS: usize = 12;
const KEYS: usize = 3;
/// The fault comes after so many answers at most.
const ANSWERS_MAX: u64 = 120;
/// What each client asks once the server is there again.
const CALLS_AFTERWARDS: usize = 3;

#[test]
#[expect(
    clippy::print_stdout,
    reason = "who asks for many histories wants to see how much was in them"
)]
fn each_call_of_a_key_happens_at_one_moment_also_when_the_server_ends() {
    let cloud = TestCloud::with().database_alone().start();
    let app = cloud.app_with_domain("a");
    for (number, (path, source)) in key::SCRIPTS.iter().enumerate() {
        let limits = json!({ "timeout_ms": 300_000, "cpu_ms_max": 60_000 });
        let fields = json!({ "name": format!("s{number}"), "source": source, "limits": limits });
        app.script_with(fields).route(path, &["GET"]);
    }
    let mut random = fastrand::Rng::with_seed(12);
    let (mut calls, mut unknown) = (0, 0);
    for round in 0..rounds(HISTORIES) {
        let (seed, after) = (random.u64(..), random.u64(1..ANSWERS_MAX));
        let histories = record(&cloud, round, seed, after);
        for (key, history) in histories.iter().enumerate() {
            calls += history.len();
            unknown += history.iter().filter(|event| event.told.is_none()).count();
            if let Err(longest) = explain(history) {
                panic!(
                    "history {round}, key {key}: nothing explains {history:#?}; the longest try: {longest:#?}"
                );
            }
        }
    }
    println!("{calls} calls, of {unknown} of which nothing is known, have an order");
}

/// What clients asked of each key and were told, before and after a fault.
fn record(cloud: &TestCloud, round: usize, seed: u64, after: u64) -> Vec<Vec<Event>> {
    let histories: Vec<_> = (0..KEYS).map(|_| Mutex::new(Vec::new())).collect();
    let clock = Instant::now();
    // A value tells whose it is only if nobody else writes it.
    let values = AtomicUsize::new(1);
    let call = |random: &mut fastrand::Rng, progress: &Progress| -> bool {
        let key = random.usize(..KEYS);
        let call = Call::random(random, || {
            i64::try_from(values.fetch_add(1, Ordering::Relaxed)).expect("a small number") * 1_000
        });
        let path = call.path(&format!("{round}-{key}"));
        let asked = clock.elapsed();
        let outcome = progress.ask(cloud, &path);
        let answered = clock.elapsed();
        let told = match &outcome {
            Outcome::Done(text) => Some(Told::read(&call, text)),
            // It has not happened, so it is not part of the history.
            Outcome::Refused => return true,
            Outcome::Unknown => None,
        };
        let is_known = told.is_some();
        histories[key].lock().expect("no client panics").push(Event {
            call,
            asked,
            answered: told.is_some().then_some(answered),
            told,
        });
        is_known
    };
    Fault::of_round(cloud, round).strike(cloud, CLIENTS, after, |client, progress| {
        let mut random = fastrand::Rng::with_seed(seed ^ client as u64);
        while call(&mut random, progress) && !progress.is_over() {}
    });
    let afterwards = Progress::default();
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (call, afterwards) = (&call, &afterwards);
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(!seed ^ client as u64);
                for _ in 0..CALLS_AFTERWARDS {
                    assert!(call(&mut random, afterwards), "an answer is missing");
                }
            });
        }
    });
    histories
        .into_iter()
        .map(|history| history.into_inner().expect("no client panics"))
        .collect()
}
