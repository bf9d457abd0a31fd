//! The invocation as a transaction: all that it writes, or nothing.

use std::{collections::BTreeSet, sync::Mutex, thread};

use serde_json::{Value, json};

use crate::harness::{App, TestCloud};

const CLIENTS: usize = 16;
const REQUESTS: usize = 10;

const FIVE_WRITES: &str = "for key in [\"a\", \"b\", \"c\", \"d\", \"e\"] { kv::set(key, 1) }\n";

fn count(app: &App<'_>) -> String {
    app.cloud.get("a.test", "/count").expect(200).text()
}

fn with_count(cloud: &TestCloud) -> App<'_> {
    let app = cloud.app_with_domain("a");
    app.serve("/count", "`${kv::list(\"\").entries.len}`");
    app
}

#[test]
fn a_run_that_fails_leaves_nothing() {
    let cloud = TestCloud::start();
    let app = with_count(&cloud);
    for (path, end, status, code) in [
        ("/throw", "throw \"no\"", 500, "script_error"),
        ("/loop", "loop {}", 500, "script_limit_exceeded"),
        ("/sleep", "sleep(60)", 504, "script_timeout"),
        ("/calls", "loop { kv::incr(\"a\") }", 500, "script_limit_exceeded"),
        ("/status", "response(1000, \"x\")", 500, "script_error"),
    ] {
        let limits = json!({ "operations_max": 1_000_000, "timeout_ms": if path == "/sleep" { 50 } else { 60_000 }, "cpu_ms_max": 60_000 });
        let source = format!("{FIVE_WRITES}{end}");
        let fields = json!({ "name": &path[1..], "source": source, "limits": limits });
        app.script_with(fields).route(path, &["*"]);
        cloud.get("a.test", path).problem(status, code);
        assert_eq!(count(&app), "0", "{path}");
    }
    app.serve(
        "/answer",
        &format!("{FIVE_WRITES}throw #{{status: 418, message: \"no\"}}"),
    );
    cloud.get("a.test", "/answer").expect(418);
    assert_eq!(count(&app), "0");
    app.serve("/fine", &format!("{FIVE_WRITES}response(418, \"fine\")"));
    cloud.get("a.test", "/fine").expect(418);
    assert_eq!(count(&app), "5");
}

/// What `CLIENTS` clients get that ask for `path` at the same time, again and again.
fn ask_at_once(cloud: &TestCloud, path: impl Fn(usize, usize) -> String + Sync) -> Vec<(u16, String)> {
    let answers = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (answers, path) = (&answers, &path);
            scope.spawn(move || {
                for number in 0..REQUESTS {
                    let answer = cloud.get_in_turn("a.test", &path(client, number));
                    let answer = (answer.status, answer.text());
                    answers.lock().expect("no client panics").push(answer);
                }
            });
        }
    });
    answers.into_inner().expect("no client panics")
}

#[test]
fn increments_by_many_clients_are_exact() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/incr", "`${kv::incr(\"n\")}`");
    app.serve("/n", "`${kv::get(\"n\")}`");
    let answers = ask_at_once(&cloud, |_, _| "/incr".to_owned());
    let mut seen = BTreeSet::new();
    for (status, text) in &answers {
        match status {
            200 => assert!(
                seen.insert(text.parse::<usize>().expect("a number")),
                "{text} twice"
            ),
            409 => {}
            _ => panic!("{status}: {text}"),
        }
    }
    assert_eq!(cloud.get("a.test", "/n").text(), seen.len().to_string());
    assert_eq!(seen.last(), Some(&seen.len()));
}

#[test]
fn transfers_between_accounts_keep_the_sum() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve(
        "/open",
        "kv::set_many(#{\"acc/0\": 100, \"acc/1\": 100, \"acc/2\": 100, \"acc/3\": 100}); \"\"",
    );
    app.serve(
        "/move/{from}/{to}",
        "let from = \"acc/\" + request.params.from; let to = \"acc/\" + request.params.to;
         if kv::incr(from, -7) < 0 { throw #{status: 402, message: \"not enough\"} }
         kv::incr(to, 7);
         \"moved\"",
    );
    app.serve(
        "/sum",
        "let all = kv::list(\"acc/\").entries;
         [all.map(|a| a.value).reduce(|sum, x| sum + x, 0), all.filter(|a| a.value < 0).len]",
    );
    cloud.get("a.test", "/open").says("");
    let answers = ask_at_once(&cloud, |client, number| match number % 5 {
        4 => "/sum".to_owned(),
        _ => format!(
            "/move/{}/{}",
            (client + number) % 4,
            (client + number + 1 + client % 3) % 4
        ),
    });
    for (status, text) in answers {
        match status {
            200 if text == "moved" => {}
            // Whoever reads sees one moment.
            200 => assert_eq!(text, "[400,0]"),
            402 | 409 => {}
            _ => panic!("{status}: {text}"),
        }
    }
    assert_eq!(cloud.get("a.test", "/sum").expect(200).json(), json!([400, 0]));
}

#[test]
fn a_name_is_claimed_by_one() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve(
        "/claim/{name}/{by}",
        "if kv::compare_and_set(\"name/\" + request.params.name, (), request.params.by) { \"yours\" } else { \"taken\" }",
    );
    let answers = ask_at_once(&cloud, |client, number| format!("/claim/{number}/{client}"));
    let yours = answers.iter().filter(|(_, text)| text == "yours").count();
    assert_eq!(yours, REQUESTS, "{answers:?}");
}

#[test]
fn what_was_committed_early_stays() {
    let cloud = TestCloud::start();
    let app = with_count(&cloud);
    app.serve(
        "/",
        "kv::set(\"a\", 1); transaction::commit(); kv::set(\"b\", 1); throw \"no\"",
    );
    cloud.get("a.test", "/").problem(500, "script_error");
    assert_eq!(count(&app), "1");
}

#[test]
fn an_answer_tells_whether_anything_was_changed() {
    let cloud = TestCloud::start();
    let app = with_count(&cloud);
    app.serve("/nothing", FIVE_WRITES);
    app.serve(
        "/some",
        "kv::set(\"a\", 1); transaction::commit(); kv::set(\"b\", 1); \"\"",
    );
    cloud
        .owner()
        .patch(&app.path("/quotas"), &json!({ "data_rows_max": 1 }))
        .expect(200);
    for (path, expected, keys) in [
        ("/nothing", "Nothing was changed.", "0"),
        ("/some", "What the script had stored before that stays.", "1"),
    ] {
        let problem = cloud.get("a.test", path).problem(507, "quota_exceeded");
        let detail = problem["detail"].as_str().expect("a text");
        assert!(detail.ends_with(expected), "{detail}");
        assert_eq!(count(&app), keys);
    }
}

#[test]
fn a_test_run_changes_nothing_unless_it_is_asked_to() {
    let cloud = TestCloud::start();
    let app = with_count(&cloud);
    let run = |keep: Option<bool>| -> Value {
        let source = format!("{FIVE_WRITES}kv::list(\"\").entries.len");
        let mut body = json!({ "source": source });
        if let Some(keep) = keep {
            body["keep_writes"] = keep.into();
        }
        cloud
            .owner()
            .post(&app.path("/scripts:run"), &body)
            .expect(200)
            .json()
    };
    for keep in [None, Some(false)] {
        let result = run(keep);
        assert_eq!(result["response"]["body"], "5", "{result}");
        assert_eq!(result["writes_discarded"], 5);
        assert_eq!(count(&app), "0");
    }
    assert_eq!(run(Some(true))["writes_discarded"], 0);
    assert_eq!(count(&app), "5");
}

/// Counts up, and notes what it was answered, until nobody answers.
fn increment(cloud: &TestCloud, path: &str, last: &Mutex<u64>) {
    while let Ok(answer) = cloud.call("GET", "a.test", path).try_send() {
        let Ok(number) = answer.text().parse() else {
            return;
        };
        *last.lock().expect("no client panics") = number;
    }
}

#[test]
fn what_was_answered_survives_a_crash() {
    let cloud = &TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/incr/{key}", "`${kv::incr(request.params.key)}`");
    app.serve("/get/{key}", "`${kv::get(request.params.key) ?? 0}`");
    for round in 0..3 {
        let acknowledged: Vec<Mutex<u64>> = (0..4).map(|_| Mutex::new(0)).collect();
        thread::scope(|scope| {
            let clients: Vec<_> = acknowledged
                .iter()
                .enumerate()
                .map(|(key, last)| {
                    scope.spawn(move || increment(cloud, &format!("/incr/{round}-{key}"), last))
                })
                .collect();
            // The moment is any, after some writes of each.
            while acknowledged
                .iter()
                .any(|last| *last.lock().expect("no client panics") < 5)
            {
                assert!(
                    clients.iter().all(|client| !client.is_finished()),
                    "a client gave up"
                );
                thread::yield_now();
            }
            cloud.kill9();
        });
        cloud.start_again();
        for (key, last) in acknowledged.iter().enumerate() {
            let last = *last.lock().expect("no client panics");
            let text = cloud
                .get("a.test", &format!("/get/{round}-{key}"))
                .expect(200)
                .text();
            let found: u64 = text.parse().expect("a number");
            // The last one may have been committed without an answer.
            assert!(found == last || found == last + 1, "{found} after {last}");
        }
    }
}
