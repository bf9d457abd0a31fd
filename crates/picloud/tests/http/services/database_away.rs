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
