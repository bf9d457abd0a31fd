//! Every limit ends the run it is for, soon, with its own kind, and cannot be escaped.

use std::time::{Duration, Instant};

use picloud_shared::{
    limits::Limits,
    outcome::{Outcome, ScriptErrorKind},
};

use crate::support::{LIMITS, answer, request, run_with};

/// How much later than its limit a run may end. Generous for a busy machine; what a run does between two looks
/// at the clock takes a fraction of it.
const SLACK: Duration = Duration::from_millis(500);

#[track_caller]
fn check(source: &str, limits: Limits, kind: ScriptErrorKind) -> Outcome {
    let outcome = run_with(source, limits, request());
    let error = outcome.result.as_ref().expect_err(source);
    assert_eq!(error.kind, kind, "{source}\n{error:?}");
    outcome
}

#[test]
fn operations_end_a_run_at_the_same_step_everywhere() {
    let limits = Limits {
        operations_max: 50_000,
        ..LIMITS
    };
    for source in [
        "loop {}",
        "fn handle(request) { while true { 1 + 1; } }",
        "[1].for_each(|x| loop {})",
        "[3, 1, 2].sort(|a, b| { loop {} })",
        "try { loop {} } catch { } 1",
        "fn f() { try { [1].map(|x| { loop {} }) } catch { } f() } f()",
        "try { [1].map(|x| { loop {} }) } catch (e) { } loop {}",
        "let x = 1; loop { try { loop { x += 1 } } catch { } }",
    ] {
        let outcome = check(source, limits, ScriptErrorKind::Operations);
        assert_eq!(outcome.usage.operations, 50_000, "{source}");
    }
}

#[test]
fn a_verdict_stands_whatever_the_script_returns() {
    let limits = Limits {
        operations_max: 1_000,
        ..LIMITS
    };
    check(
        "try { [1].map(|x| { loop {} }) } catch { } \"fine\"",
        limits,
        ScriptErrorKind::Operations,
    );
    check(
        "let r = 1; try { [1].map(|x| { loop {} }) } catch { return \"fine\" }",
        limits,
        ScriptErrorKind::Operations,
    );
}

#[test]
fn the_same_script_takes_the_same_steps() {
    let source = "let n = 0; for i in 0..5000 { n += [i, 2].map(|x| x * 2).len; } `${n}`";
    let operations = |_| {
        let outcome = run_with(source, LIMITS, request());
        assert!(outcome.result.is_ok());
        outcome.usage.operations
    };
    let counts: Vec<_> = (0..5).map(operations).collect();
    assert!(counts[0] > 5_000);
    assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
}

#[test]
fn a_pattern_costs_the_same_whatever_ran_before() {
    // The second use in a run costs less than the first, in every run.
    let source = "let text = \"ab\"; text.pad(60_000, 'b'); let n = 0;
        for i in 0..3 { n += regex::find_all(`(?:a|b){1,40}[ab]{20}$`, text).len() } `${n}`";
    let operations = |_| run_with(source, LIMITS, request()).usage.operations;
    let counts: Vec<_> = (0..5).map(operations).collect();
    assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
}

#[test]
fn time_on_the_processor_is_bounded() {
    let limits = Limits {
        cpu_ms_max: 50,
        operations_max: Limits::CAPS.operations_max,
        ..LIMITS
    };
    for source in [
        "loop {}",
        "try { [1].map(|x| { loop {} }) } catch (e) { } loop {}",
        "let a = []; a.pad(100_000, 7); loop { let b = a; b.sort(); }",
    ] {
        let start = Instant::now();
        let outcome = check(source, limits, ScriptErrorKind::CpuTime);
        assert!(
            start.elapsed() < Duration::from_millis(50) + SLACK,
            "{source}: {:?}",
            start.elapsed()
        );
        assert!(outcome.usage.cpu_us >= 50_000);
    }
}

#[test]
fn time_on_the_clock_is_bounded() {
    let limits = Limits {
        timeout_ms: 50,
        operations_max: Limits::CAPS.operations_max,
        ..LIMITS
    };
    for source in [
        "sleep(31_536_000)",
        "sleep(1e300)",
        "sleep(9_223_372_036_854_775_807)",
        "loop { sleep(0.001) }",
        "try { sleep(60) } catch { } loop { try { sleep(60) } catch { } }",
        "try { [1].map(|x| sleep(60)) } catch { } \"fine\"",
        "loop {}",
    ] {
        let start = Instant::now();
        let outcome = check(source, limits, ScriptErrorKind::Timeout);
        assert!(
            start.elapsed() < Duration::from_millis(50) + SLACK,
            "{source}: {:?}",
            start.elapsed()
        );
        assert!(outcome.usage.duration_us >= 50_000, "{source}");
    }
}

#[test]
fn waiting_takes_no_processor_time() {
    let limits = Limits {
        cpu_ms_max: 50,
        ..LIMITS
    };
    let outcome = run_with("sleep(0.2); sleep(-1); sleep(0); \"awake\"", limits, request());
    assert!(outcome.result.is_ok(), "{outcome:?}");
    assert!(outcome.usage.duration_us >= 200_000);
    assert!(outcome.usage.cpu_us < 50_000);
}

#[test]
fn memory_is_bounded() {
    let limits = Limits {
        memory_bytes_max: 4 * 1_024 * 1_024,
        ..LIMITS
    };
    for source in [
        "let s = \"0123456789\"; loop { s += s; }",
        "let a = [1]; loop { a += a; }",
        "let a = []; loop { a.push(\"x\".len); }",
        "let m = #{}; let i = 0; loop { m[`key that is long enough to be on the heap ${i}`] = i; i += 1; }",
        "let f = |x| x; loop { f = f.curry(f); }",
        "let a = []; loop { a.push(a); }",
        "let b = blob(1_000); loop { b += b; }",
        "try { let s = \"0123456789\"; loop { s += s; } } catch { } \"fine\"",
        "let a = [1]; [1].map(|x| { loop { a += a; } })",
    ] {
        let outcome = check(source, limits, ScriptErrorKind::Memory);
        assert!(
            outcome.usage.memory_bytes_peak < 16 * 1_024 * 1_024,
            "{source}: {:?}",
            outcome.usage
        );
    }
}

#[test]
fn no_message_repeats_a_name_that_cannot_be_one() {
    let limits = Limits {
        memory_bytes_max: 8 * 1_024 * 1_024,
        ..LIMITS
    };
    for (call, expected) in [
        ("script::call(n)", "script::call: a script name has 1 to 64"),
        ("script::call(\"\")", "script::call: a script name has 1 to 64"),
        ("config::get(n)", "config::get: a name has 1 to 64"),
        ("config::get(n, \"default\")", "default"),
    ] {
        let source = format!(
            "let n = \"x\"; n.pad(3_000_000, 'x'); let out = (); \
             try {{ out = {call}; }} catch (e) {{ out = e; }} out"
        );
        let outcome = run_with(&source, limits, request());
        let response = outcome.result.unwrap_or_else(|error| panic!("{call}: {error:?}"));
        let text = String::from_utf8_lossy(&response.body);
        assert!(
            text.starts_with(expected) && text.len() < 200,
            "{call}: {} bytes",
            text.len()
        );
        assert!(
            outcome.usage.memory_bytes_peak < limits.memory_bytes_max,
            "{call}: {:?}",
            outcome.usage
        );
    }
}

#[test]
fn the_peak_of_memory_is_reported() {
    let outcome = run_with("let b = blob(1_000_000); b = (); 1", LIMITS, request());
    let peak = outcome.usage.memory_bytes_peak;
    assert!((1_000_000..1_200_000).contains(&peak), "{peak}");
    let outcome = run_with("1", LIMITS, request());
    assert!(
        outcome.usage.memory_bytes_peak < 20_000,
        "{}",
        outcome.usage.memory_bytes_peak
    );
}

#[test]
fn calls_are_bounded_in_depth() {
    for depth in [8, 64, 128] {
        let limits = Limits {
            call_depth_max: depth,
            ..LIMITS
        };
        let source =
            |levels: u32| format!("fn f(n) {{ if n <= 1 {{ 1 }} else {{ 1 + f(n - 1) }} }} f({levels})");
        check(&source(depth + 1), limits, ScriptErrorKind::Depth);
        assert!(run_with(&source(depth), limits, request()).result.is_ok());
    }
}

#[test]
fn the_response_is_bounded() {
    let limits = Limits {
        response_bytes_max: 1_000,
        ..LIMITS
    };
    let text = |bytes: usize| format!("let s = \"\"; s.pad({bytes}, 'x'); s");
    assert!(run_with(&text(1_000), limits, request()).result.is_ok());
    let kind = ScriptErrorKind::ResponseSize;
    check(&text(1_001), limits, kind);
    check("blob(1_001)", limits, kind);
    check("let a = []; a.pad(600, 1); a", limits, kind);
    check("let a = []; a.pad(600, 1); response(200, a)", limits, kind);
    check(
        "try { let a = []; a.pad(600, 1); return json(a) } catch { return 1 }",
        limits,
        kind,
    );
}

#[test]
fn the_log_is_bounded_and_the_run_goes_on() {
    let limits = Limits {
        log_bytes_max: 1_000,
        ..LIMITS
    };
    let outcome = run_with(
        "for i in 0..500 { print(`line ${i}`); } \"done\"",
        limits,
        request(),
    );
    assert!(outcome.result.is_ok());
    let last = outcome.logs.last().expect("a marker");
    assert_eq!(
        last.message,
        format!("[dropped {} lines]", 500 - (outcome.logs.len() - 1))
    );
    assert!(outcome.logs.iter().map(|line| line.message.len()).sum::<usize>() < 1_100);
}

#[test]
fn limits_of_one_run_are_not_those_of_the_next() {
    let response = answer("let s = \"\"; s.pad(3_000_000, 'x'); s.len", request());
    assert_eq!(response.body, "3000000");
}
