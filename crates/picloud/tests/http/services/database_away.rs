//! PostgreSQL is away, or does not move: who needs it hears so soon, and everybody else notices nothing.

use std::{
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use crate::harness::{Postgres, TestCloud, until};

/// Who asks for data at the same time.
const CLIENTS: usize = 40;
/// The promise is about 2 s. A machine with much to do gets more; what it took is printed.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// What is written while its log has space, and how much fills it surely.
const KEYS_BEFORE: usize = 10;
const KEYS_MAX: usize = 2_000;
const VALUE_BYTES: usize = 64 * 1_024;

const NEEDS_DATA: [(&str, &str); 5] = [
    ("/get", r#"kv::get("a")"#),
    ("/list", r#"kv::list("").entries.len"#),
    ("/set", r#"kv::set("a", 2); "set""#),
    ("/incr", r#"kv::incr("n")"#),
    ("/early", r#"kv::set("b", 1); transaction::commit(); "set""#),
];

/// How it goes away, and how it comes back.
struct Away {
    name: &'static str,
    begin: fn(&Postgres),
    end: fn(&Postgres),
}

const WAYS: [Away; 2] = [
    Away {
        name: "stopped",
        begin: Postgres::stop,
        end: Postgres::start_again,
    },
    Away {
        name: "paused",
        begin: Postgres::pause,
        end: Postgres::go_on,
    },
];

#[test]
fn who_needs_no_data_goes_on_and_all_recovers_by_itself() {
    if !TestCloud::is_on_postgres() {
        // There is no server that could be away.
        return;
    }
    let cloud = TestCloud::with().database_alone().start();
    let postgres = cloud.postgres().expect("it has a server of its own");
    let app = cloud.app_with_domain("a");
    for (path, source) in NEEDS_DATA {
        app.serve(path, source);
    }
    app.serve("/hello", "\"hello\"");
    app.serve("/first", r#"kv::set("a", 1); "set""#);
    app.serve("/all", r#"[kv::get("a"), kv::get("n"), kv::get("b")]"#);
    cloud.get("a.test", "/first").says("set");
    for Away { name, begin, end } in WAYS {
        begin(postgres);
        ask_all(&cloud, name);
        end(postgres);
        until(200, || cloud.get("a.test", "/get"));
        // What was refused has not happened, and does not happen later.
        cloud.get("a.test", "/all").says("[1,null,null]");
        cloud.get("a.test", "/first").says("set");
    }
}

/// PostgreSQL ends itself when it cannot write its log, and does so again and again until there is space.
#[test]
fn a_log_without_space_loses_nothing_that_was_acknowledged() {
    if !TestCloud::is_on_postgres() {
        // The log of SQLite is on the disk that the tests of a full disk fill.
        return;
    }
    let cloud = TestCloud::with().log_on_small_disk().start();
    let postgres = cloud.postgres().expect("it has a server of its own");
    let app = cloud.app_with_domain("a");
    app.script(
        "set",
        r#"kv::set("k/" + request.params.key, request.body); "set""#,
    )
    .route("/set/{key}", &["PUT"]);
    app.serve("/has/{key}", r#"kv::has("k/" + request.params.key)"#);
    app.serve("/hello", "\"hello\"");
    // Different for each key, so that it cannot be made smaller.
    let value = |key: usize| {
        let mut chance = fastrand::Rng::with_seed(key as u64);
        std::iter::repeat_with(|| chance.alphanumeric())
            .take(VALUE_BYTES)
            .collect::<String>()
    };
    let set = |key: usize| {
        let call = cloud.call("PUT", "a.test", &format!("/set/{key}"));
        call.body(value(key)).send()
    };
    for key in 0..KEYS_BEFORE {
        set(key).says("set");
    }
    cloud.disk().fill();
    let mut answers = Vec::new();
    let refused = (KEYS_BEFORE..KEYS_MAX).find(|key| {
        let answer = set(*key);
        let is_set = answer.status == 200;
        answers.push((*key, (!is_set).then(|| answer.json()["code"].clone())));
        !is_set
    });
    assert!(refused.is_some(), "there is no end to the disk");
    let (_, code) = answers.last().expect("somebody was refused");
    let code = code.as_ref().and_then(|code| code.as_str()).unwrap_or_default();
    assert!(
        ["commit_unknown", "database_unavailable", "insufficient_storage"].contains(&code),
        "{code}"
    );
    cloud.get("a.test", "/hello").says("hello");

    cloud.disk().free();
    // It may have given up meanwhile; whoever runs it starts it again.
    postgres.start_again();
    until(200, || set(KEYS_MAX));
    let has = |key: &str| cloud.get("a.test", &format!("/has/{key}"));
    for key in 0..KEYS_BEFORE {
        has(&key.to_string()).says("true");
    }
    for (key, refused) in &answers {
        match refused.as_ref().and_then(|code| code.as_str()) {
            None => has(&key.to_string()).says("true"),
            // Nobody knows.
            Some("commit_unknown") => drop(has(&key.to_string()).expect(200)),
            Some(_) => has(&key.to_string()).says("false"),
        }
    }
}

/// Asks everything at the same time, while the database is away.
#[expect(clippy::print_stdout, reason = "how long it took is of interest")]
fn ask_all(cloud: &TestCloud, name: &str) {
    let longest = Mutex::new(Duration::ZERO);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let longest = &longest;
            scope.spawn(move || {
                let (path, _) = NEEDS_DATA[client % NEEDS_DATA.len()];
                let begun = Instant::now();
                cloud.get("a.test", path).problem(503, "database_unavailable");
                let took = begun.elapsed();
                let mut longest = longest.lock().expect("no client panics");
                *longest = took.max(*longest);
            });
        }
        for _ in 0..CLIENTS {
            cloud.get("a.test", "/hello").says("hello");
        }
    });
    let longest = longest.into_inner().expect("no client panics");
    println!("{name}: the last of {CLIENTS} who asked for data heard after {longest:?} that there is none");
    assert!(longest < ANSWER_MAX, "{name}: {longest:?}");
}
