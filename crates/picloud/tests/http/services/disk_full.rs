//! The disk is full: who writes hears so, who reads notices nothing, and when there is space again all goes on.

use std::{
    collections::BTreeMap,
    sync::{
        Barrier, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::json;

use crate::harness::{Answer, TestCloud, until};

const WRITERS: usize = 8;
/// A file of the database may have room left when the disk has none. This many keys of 64 KiB fill it surely.
const KEYS_MAX: usize = 2_000;
/// What writers write before the disk is full.
const KEYS_BEFORE: usize = 40;
/// Runs of another app while the disk is full.
const RUNS_DESCRIBED: usize = 5;
/// Saves of a source of 200 KB that fill what is left for them.
const SAVES_MAX: usize = 200;

#[test]
fn writes_are_refused_while_the_disk_is_full_and_nothing_acknowledged_is_lost() {
    let cloud = TestCloud::with().on_small_disk().start();
    let app = cloud.app_with_domain("a");
    app.serve(
        "/set/{key}",
        r#"let text = "x"; text.pad(65536, "x"); kv::set("k/" + request.params.key, text); "set""#,
    );
    app.serve(
        "/has/{from}",
        r"let all = [];
        for n in 0..100 {
            let key = `k/${request.params.from.parse_int() + n}`;
            if kv::has(key) { all.push(key) }
        }
        all",
    );
    app.serve("/hello", "\"hello\"");
    // Another app, since not every run of one that runs so often is described.
    let other = cloud.app_with_domain("other");
    other.serve("/", "\"described\"");
    let saved = app.serve("/saved", "\"0\"");

    let set = |key: usize| cloud.get("a.test", &format!("/set/{key}"));
    for key in 0..KEYS_BEFORE {
        set(key).says("set");
    }
    // Some write while it becomes full, and on until each has heard that it is.
    let answers = Mutex::new(
        (0..KEYS_BEFORE)
            .map(|key| (key, true))
            .collect::<BTreeMap<_, _>>(),
    );
    let (next, together) = (AtomicUsize::new(KEYS_BEFORE), Barrier::new(WRITERS + 1));
    thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                together.wait();
                loop {
                    let key = next.fetch_add(1, Ordering::Relaxed);
                    assert!(key < KEYS_MAX, "there is no end to the disk");
                    let is_set = was_stored(set(key), 200);
                    answers.lock().expect("no writer panics").insert(key, is_set);
                    if !is_set {
                        return;
                    }
                }
            });
        }
        together.wait();
        cloud.disk().fill();
    });

    // Whatever needs no space goes on.
    cloud.get("a.test", "/hello").says("hello");
    assert_has(&cloud, &answers.lock().expect("no writer panics"));
    cloud.owner().get("/admin/apps/a").expect(200);
    // So it is with what people change.
    let mut version = 0;
    let refused = (1..SAVES_MAX).find(|number| {
        let is_stored = was_stored(saved.try_save(&source(*number)), 200);
        version = if is_stored { *number } else { version };
        !is_stored
    });
    assert!(refused.is_some(), "there is no end to the disk");
    cloud.get("a.test", "/saved").says(&version.to_string());
    for _ in 0..RUNS_DESCRIBED {
        cloud.get("other.test", "/").says("described");
    }

    cloud.disk().free();
    let key = next.into_inner();
    until(200, || set(key));
    let mut answers = answers.into_inner().expect("no writer panics");
    answers.insert(key, true);
    saved.save("\"after\"");
    cloud.get("a.test", "/saved").says("after");
    // What is known of the runs meanwhile has waited, and is written now.
    other.executions("", RUNS_DESCRIBED);
    assert_has(&cloud, &answers);
    cloud.kill9();
    cloud.start_again();
    assert_has(&cloud, &answers);
    cloud.get("a.test", "/saved").says("after");
    let verdict = cloud
        .owner()
        .post("/admin/audit:verify", &json!({}))
        .expect(200)
        .json();
    assert_eq!(verdict["valid"], true, "{verdict}");
}

/// Whether it was answered with this status; otherwise there was no space, and nothing else was wrong.
#[track_caller]
fn was_stored(answer: Answer, status: u16) -> bool {
    if answer.status == status {
        return true;
    }
    answer.problem(507, "insufficient_storage");
    false
}

/// A script of 200 KB that answers with the number.
fn source(number: usize) -> String {
    let comment = format!("// {}\n", fastrand::Rng::with_seed(number as u64).u64(..)).repeat(8_000);
    format!(
        "{}\"{number}\"",
        &comment[..comment.len().min(200_000)].trim_end_matches(|c| c != '\n')
    )
}

/// Fails unless exactly those keys are there that were acknowledged.
#[track_caller]
fn assert_has(cloud: &TestCloud, answers: &BTreeMap<usize, bool>) {
    let last = answers.last_key_value().map_or(0, |(key, _)| *key);
    let mut found = Vec::new();
    for from in (0..=last).step_by(100) {
        let answer = cloud.get("a.test", &format!("/has/{from}")).expect(200);
        let keys: Vec<String> = serde_json::from_slice(&answer.body).expect("a list of keys");
        found.extend(keys);
    }
    let expected = answers.iter().filter(|(_, is_set)| **is_set);
    let expected: Vec<_> = expected.map(|(key, _)| format!("k/{key}")).collect();
    assert_eq!(found, expected);
}
