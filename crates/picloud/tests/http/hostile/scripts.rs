//! Scripts that would stop, slow or fill the server. Each gets its documented error, while a neighbour is
//! answered all the time.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use serde_json::{Value, json};

use crate::harness::{Done, TestCloud};

/// Times that a script is run.
const RUNS: usize = 3;

/// Runs `source` again and again until a neighbour, who asks for hello all the time, was answered meanwhile; both
/// share one serving thread.
fn check(source: &str, limits: &Value, status: u16, code: &str) {
    let cloud = TestCloud::with().flag("--serving-threads", "1").start();
    let app = cloud.app_with_domain("hostile");
    app.script_with(json!({ "name": "s", "source": source, "limits": limits }))
        .route("/", &["GET"]);
    let (done, answered) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        let neighbour = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                cloud.get("localhost", "/hello/Ada").says("Hello, Ada!\n");
                answered.store(true, Ordering::Relaxed);
            }
        });
        let end = Done(&done);
        let mut answers = Vec::new();
        // A neighbour who has ended is one who was not answered in time; joining says so.
        while answers.len() < RUNS || !(answered.load(Ordering::Relaxed) || neighbour.is_finished()) {
            answers.push(cloud.get("hostile.test", "/"));
        }
        drop(end);
        neighbour.join().expect("the neighbour is answered");
        for answer in answers {
            answer.problem(status, code);
        }
    });
    cloud.get("localhost", "/hello/Ada").says("Hello, Ada!\n");
}

/// So much time that a script which has to run out of something else does, however busy the machine is.
fn no_matter_how_long(mut limits: Value) -> Value {
    limits["cpu_ms_max"] = json!(60_000);
    limits["timeout_ms"] = json!(60_000);
    limits
}

#[test]
fn an_endless_loop_runs_out_of_operations() {
    check(
        "loop {}",
        &no_matter_how_long(json!({ "operations_max": 1_000_000 })),
        500,
        "script_limit_exceeded",
    );
}

#[test]
fn an_endless_loop_runs_out_of_processor_time() {
    let limits = json!({ "operations_max": 1_000_000_000, "cpu_ms_max": 300 });
    check("loop {}", &limits, 504, "script_timeout");
}

#[test]
fn a_limit_cannot_be_caught() {
    let limits = no_matter_how_long(json!({ "operations_max": 1_000_000 }));
    let source = "loop { try { [1].map(|x| { loop {} }) } catch { } }";
    check(source, &limits, 500, "script_limit_exceeded");
    check(
        "try { [1].map(|x| { loop {} }) } catch { \"escaped\" }",
        &limits,
        500,
        "script_limit_exceeded",
    );
}

#[test]
fn a_memory_bomb_runs_out_of_memory() {
    for source in [
        "let s = \"x\"; loop { s += s; }",
        "let a = []; loop { a.push(\"0123456789012345678901234567890123456789\" + a.len()); }",
        "let m = #{}; let i = 0; loop { m[\"key\" + i] = \"value\" + i; i += 1; }",
    ] {
        check(
            source,
            &no_matter_how_long(json!({ "memory_bytes_max": 4 * 1_024 * 1_024 })),
            500,
            "script_limit_exceeded",
        );
    }
}

#[test]
fn natives_that_allocate_are_bounded() {
    for source in [
        "let s = \"\"; s.pad(1000000000, 'x'); s",
        "blob(1000000000).len()",
        "let a = []; a.pad(1000000000, 0); a.len()",
        "let s = \"aaaaaaaaaa\"; for i in 0..12 { s.replace(\"a\", s); } s.len()",
    ] {
        check(
            source,
            &no_matter_how_long(json!({})),
            500,
            "script_limit_exceeded",
        );
    }
}

#[test]
fn nesting_without_end_is_stopped() {
    // Each level costs a copy of all levels below it, so whichever comes first ends it: time, or memory.
    let nested = "let a = []; for i in 0..100000 { a = [a]; } a";
    check(nested, &json!({ "cpu_ms_max": 300 }), 504, "script_timeout");
    let limits = no_matter_how_long(json!({ "memory_bytes_max": 256 * 1_024 }));
    check(nested, &limits, 500, "script_limit_exceeded");
    check(
        "fn f(n) { f(n + 1) } fn handle(request) { f(0) }",
        &no_matter_how_long(json!({})),
        500,
        "script_limit_exceeded",
    );
}

#[test]
fn nesting_in_a_request_is_stopped() {
    let cloud = TestCloud::start();
    cloud.app_with_domain("a").serve("/", "request.json()");
    let body = "[".repeat(100_000) + &"]".repeat(100_000);
    let status = cloud.call("POST", "a.test", "/").body(body).send().status;
    assert!(matches!(status, 400 | 500), "{status}");
    cloud.get("localhost", "/").expect(200);
}

#[test]
fn a_sleep_of_a_year_runs_out_of_time() {
    check(
        "sleep(31536000)",
        &json!({ "timeout_ms": 300 }),
        504,
        "script_timeout",
    );
    check(
        "sleep(1e300)",
        &json!({ "timeout_ms": 300 }),
        504,
        "script_timeout",
    );
    check(
        "try { sleep(31536000) } catch { } sleep(31536000)",
        &json!({ "timeout_ms": 300 }),
        504,
        "script_timeout",
    );
}

#[test]
fn nested_source_is_refused_and_not_fatal() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    for source in [
        "[".repeat(50_000) + &"]".repeat(50_000),
        "(".repeat(50_000) + "1" + &")".repeat(50_000),
        "-".repeat(100_000) + "1",
        "{".repeat(50_000) + &"}".repeat(50_000),
        "1".to_owned() + &"+1".repeat(100_000),
        "if true {".repeat(20_000) + &"}".repeat(20_000),
    ] {
        let answer = app.try_script(json!({ "name": "s", "source": source }));
        assert_eq!(answer.status, 422, "{}...: {}", &source[..20], answer.text());
        answer.problem(422, "script_invalid");
    }
    cloud.get("localhost", "/").expect(200);
}

#[test]
fn a_source_that_is_too_large_is_refused() {
    let cloud = TestCloud::start();
    let source = format!("// {}", "x".repeat(300 * 1_024));
    let problem = cloud
        .app("a")
        .try_script(json!({ "name": "s", "source": source }))
        .problem(422, "script_invalid");
    assert_eq!((&problem["line"], &problem["column"]), (&json!(1), &json!(1)));
    assert!(
        problem.to_string().contains("262144"),
        "it names the bound: {problem}"
    );
}

#[test]
fn binary_junk_is_refused() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let mut random = fastrand::Rng::with_seed(2);
    for _ in 0..50 {
        let junk: String = (0..random.usize(1..2_000)).map(|_| random.char(..)).collect();
        let answer = app.try_script(json!({ "name": "s", "source": junk }));
        assert_eq!(answer.status, 422, "{junk:?}: {}", answer.text());
        answer.problem(422, "script_invalid");
    }
    // Bytes that are no text at all cannot even stand in JSON.
    let mut body = br#"{"app_id":"","name":"s","source":""#.to_vec();
    body.extend([0xFF, 0x00, 0x80, b'"', b'}']);
    let call = cloud
        .owner()
        .call("POST", "/api/v1/admin/scripts")
        .header("content-type", "application/json");
    call.body(body).send().problem(400, "invalid_json");
    cloud.get("localhost", "/").expect(200);
}

/// Time after a limit by which the run must have ended. The processor's time does not depend on what else the
/// machine does; the time on the clock does, so it gets more.
const LATE_MAX_MS: (u64, u64) = (100, 1_000);

#[test]
fn a_run_ends_soon_after_its_limit() {
    let cloud = TestCloud::start();
    let app = cloud.app("hostile");
    for (name, source) in [
        ("loop", "loop {}"),
        ("native", "[1].map(|x| { loop {} })"),
        ("caught", "loop { try { loop {} } catch { } }"),
        (
            "sort",
            "let a = []; for i in 0..50000 { a.push(i * 7919 % 50021) } loop { a.sort(|x, y| x - y); }",
        ),
    ] {
        let limits = json!({ "cpu_ms_max": 200, "operations_max": 1_000_000_000, "timeout_ms": 60_000 });
        app.script_with(json!({ "name": name, "source": source, "limits": limits }))
            .execute()
            .problem(504, "script_timeout");
    }
    let limits = json!({ "timeout_ms": 200 });
    let sleeper = app.script_with(json!({ "name": "sleep", "source": "sleep(31536000)", "limits": limits }));
    sleeper.execute().problem(504, "script_timeout");
    for record in app.executions("", 5) {
        let (field, late_max_ms) = if record["script_name"] == "sleep" {
            ("duration_us", LATE_MAX_MS.1)
        } else {
            ("cpu_us", LATE_MAX_MS.0)
        };
        let took_ms = record[field].as_u64().expect("a number") / 1_000;
        assert!(
            (200..200 + late_max_ms).contains(&took_ms),
            "{took_ms} ms: {record}"
        );
    }
}
