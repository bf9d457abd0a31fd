//! A run that is stopped at any of its calls has done nothing; one that has ended has done everything.

use std::{collections::BTreeMap, sync::Mutex};

use serde_json::{Value, json};

use super::fault::{Fault, Outcome};
use crate::harness::{App, RawConnection, TestCloud, rounds};

/// What a run asks, one after the other, when the app holds what [`BEFORE`] writes.
const CALLS: [&str; 16] = [
    r#"kv::set("a", 1)"#,
    r#"kv::set("b", blob(3, 7), 3600)"#,
    r#"kv::set("old", "new")"#,
    r#"kv::incr("n", 5)"#,
    r#"kv::compare_and_set("claimed", (), "mine")"#,
    r#"kv::set_many(#{"m/1": 1, "m/2": 2})"#,
    r#"kv::delete("gone")"#,
    r#"kv::get("other")"#,
    r#"kv::get_many(["a", "other"])"#,
    r#"kv::has("nowhere")"#,
    r#"kv::list("")"#,
    r#"docs::insert("notes", "d", #{n: 1})"#,
    r#"docs::patch("notes", "d", #{m: 2})"#,
    r#"docs::find("notes", #{filter: #{n: #{gte: 1}}})"#,
    r#"kv::set("z", "last")"#,
    // Hashing a password takes another thread, so this is the last.
    r#"users::create(#{name: "Ada", password: "correct horse"})"#,
];

const BEFORE: &str = r#"kv::set_many(#{"old": "old", "n": 1, "gone": true, "other": "x"}); """#;

const STATE: &str = r#"let all = kv::list("").entries.map(|entry| [entry.key, entry.value]);
all += docs::find("notes").items.map(|item| ["document " + item.id, item.document]);
all += users::list(#{}).items.map(|user| ["user " + user.name, user.is_active]);
all"#;

/// Clients that write five keys each, while the server ends.
const CLIENTS: usize = 12;
const ROUNDS: usize = 4;
/// The fault comes after so many answers at most.
const ANSWERS_MAX: u64 = 100;

/// A script that can be made to throw, or to wait for long, right after the call of a number.
fn in_steps(calls: &[&str]) -> String {
    let step = |(number, call): (usize, &&str)| {
        format!(
            "{call};\nif request.query.at == \"{number}\" {{ \
             if request.query.then == \"throw\" {{ throw \"no\" }} sleep(250) }}\n"
        )
    };
    let steps: String = calls.iter().enumerate().map(step).collect();
    format!("{steps}\"done\"")
}

fn serve<'c>(cloud: &'c TestCloud, calls: &[&str]) -> App<'c> {
    let app = cloud.app_with_domain("a");
    app.serve("/before", BEFORE);
    app.serve("/state", STATE);
    let limits = json!({ "timeout_ms": 300_000, "cpu_ms_max": 60_000 });
    app.script_with(json!({ "name": "steps", "source": in_steps(calls), "limits": limits }))
        .route("/steps", &["GET"]);
    cloud.get("a.test", "/before").says("");
    app
}

fn state(cloud: &TestCloud) -> BTreeMap<String, Value> {
    let answer = cloud.get("a.test", "/state").expect(200);
    let pairs: Vec<(String, Value)> = serde_json::from_slice(&answer.body).expect("pairs of key and value");
    pairs.into_iter().collect()
}

/// Begins a run that waits after the call of that number, and ends the server then.
fn kill_at(cloud: &TestCloud, number: usize) {
    let mut waiting: RawConnection = cloud.raw();
    waiting
        .send(format!("GET /steps?at={number} HTTP/1.1\r\nHost: a.test\r\n\r\n"))
        .expect("the server reads");
    // There is one serving thread, which takes runs in order: when a later one has come so far, so has this.
    cloud
        .get("a.test", &format!("/steps?at={number}&then=throw"))
        .problem(500, "script_error");
    cloud.kill9();
    cloud.start_again();
}

#[test]
fn a_run_that_throws_at_any_of_its_calls_leaves_nothing() {
    let cloud = TestCloud::start();
    serve(&cloud, &CALLS);
    let before = state(&cloud);
    for (number, call) in CALLS.iter().enumerate() {
        cloud
            .get("a.test", &format!("/steps?at={number}&then=throw"))
            .problem(500, "script_error");
        assert_eq!(state(&cloud), before, "after {call}");
    }
}

#[test]
fn a_run_that_is_killed_at_any_of_its_calls_leaves_nothing_and_one_that_has_ended_leaves_all() {
    let cloud = TestCloud::with().flag("--serving-threads", "1").start();
    serve(&cloud, &CALLS);
    let before = state(&cloud);
    for (number, call) in CALLS.iter().enumerate() {
        kill_at(&cloud, number);
        assert_eq!(state(&cloud), before, "after {call}");
    }
    cloud.get("a.test", "/steps").says("done");
    cloud.kill9();
    cloud.start_again();
    let keys = [
        "a",
        "b",
        "claimed",
        "document d",
        "m/1",
        "m/2",
        "n",
        "old",
        "other",
        "user Ada",
        "z",
    ];
    let after = state(&cloud);
    assert_eq!(after.keys().collect::<Vec<_>>(), keys);
    assert_eq!(
        [&after["n"], &after["old"], &after["claimed"]],
        [&json!(6), &json!("new"), &json!("mine")]
    );
    assert_eq!(after["document d"], json!({ "n": 1, "m": 2 }));
}

#[test]
fn what_was_committed_early_survives_and_what_came_later_does_not() {
    let cloud = TestCloud::with().flag("--serving-threads", "1").start();
    let calls = [
        r#"kv::set("a", 1)"#,
        "transaction::commit()",
        r#"kv::set("b", 1)"#,
        "transaction::commit()",
    ];
    serve(&cloud, &calls);
    let before = state(&cloud);
    for (number, expected) in [(0, &[][..]), (1, &["a"]), (2, &["a"]), (3, &["a", "b"])] {
        kill_at(&cloud, number);
        let found = state(&cloud);
        let new: Vec<_> = found.keys().filter(|key| !before.contains_key(*key)).collect();
        assert_eq!(new, expected, "after {}", calls[number]);
    }
}

#[test]
fn five_keys_are_written_together_whatever_ends_meanwhile() {
    let cloud = TestCloud::with().database_alone().start();
    let app = cloud.app_with_domain("a");
    let limits = json!({ "timeout_ms": 300_000, "cpu_ms_max": 60_000 });
    let write = r#"for key in ["a", "b", "c", "d", "e"] {
            kv::set(`${request.params.client}/${key}`, request.params.number)
        }
        "written""#;
    app.script_with(json!({ "name": "write", "source": write, "limits": limits }))
        .route("/write/{client}/{number}", &["GET"]);
    app.serve(
        "/read/{client}",
        r#"kv::list(request.params.client + "/").entries.map(|entry| entry.value)"#,
    );
    let mut random = fastrand::Rng::with_seed(5);
    for round in 0..rounds(ROUNDS) {
        // What each may find: what was acknowledged last, and what it knows nothing of.
        let possible: Vec<Mutex<[Option<String>; 2]>> = (0..CLIENTS).map(|_| Mutex::default()).collect();
        let after = random.u64(1..ANSWERS_MAX);
        Fault::of_round(&cloud, round).strike(&cloud, CLIENTS, after, |client, progress| {
            let mut possible = possible[client].lock().expect("no client panics");
            for number in 0.. {
                let number = format!("{round}-{number}");
                match progress.ask(&cloud, &format!("/write/{round}-{client}/{number}")) {
                    Outcome::Done(_) => possible[0] = Some(number),
                    Outcome::Refused => {}
                    Outcome::Unknown => {
                        possible[1] = Some(number);
                        return;
                    }
                }
                if progress.is_over() {
                    return;
                }
            }
        });
        for (client, possible) in possible.into_iter().enumerate() {
            let answer = cloud
                .get("a.test", &format!("/read/{round}-{client}"))
                .expect(200);
            let found: Vec<String> = serde_json::from_slice(&answer.body).expect("a list of texts");
            let [acknowledged, unknown] = possible.into_inner().expect("no client panics");
            let is = |number: &Option<String>| match number {
                Some(number) => found == vec![number.clone(); 5],
                None => found.is_empty(),
            };
            assert!(
                is(&acknowledged) || (unknown.is_some() && is(&unknown)),
                "{client}: {found:?}, after {acknowledged:?}, and perhaps {unknown:?}"
            );
        }
    }
}
