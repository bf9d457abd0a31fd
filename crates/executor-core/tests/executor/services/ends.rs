//! How a run ends, and what it leaves then.

use std::sync::Arc;

use picloud_executor_core::{Executor, ExecutorConfig};
use picloud_shared::{
    limits::Limits, outcome::ScriptErrorKind, seam::ExecutorClient as _, services::ServiceError,
};

use super::{APP, commits, kind, run, run_as, says};
use crate::support::{LIMITS, invocation, memory::MemoryHost, on_serving_thread, request};

const FIVE_WRITES: &str = "for key in [\"a\", \"b\", \"c\", \"d\", \"e\"] { kv::set(key, 1); }\n";

#[test]
fn what_a_run_writes_is_there_when_it_has_ended_well() {
    let host = Arc::<MemoryHost>::default();
    says(run(&host, &format!("{FIVE_WRITES} kv::get(\"c\")")), "1");
    assert_eq!((host.len(), commits(&host)), (5, 1));
    says(
        run(&host, "kv::delete(\"a\"); kv::get(\"a\") ?? \"gone\""),
        "gone",
    );
    assert_eq!(host.get(APP, "a"), None);
}

#[test]
fn a_run_that_throws_leaves_nothing() {
    let host = Arc::<MemoryHost>::default();
    let thrown = run(&host, &format!("{FIVE_WRITES} throw \"no\""));
    assert_eq!(kind(thrown), Some(ScriptErrorKind::Runtime));
    let answered = run(&host, &format!("{FIVE_WRITES} throw #{{status: 404}}"));
    assert_eq!(answered.result.expect("an answer").status, 404);
    assert_eq!((host.len(), commits(&host)), (0, 0));
}

#[test]
fn an_answer_with_an_error_status_that_is_returned_keeps_its_writes() {
    let host = Arc::<MemoryHost>::default();
    let answered = run(&host, &format!("{FIVE_WRITES} response(409, \"no\")"));
    assert_eq!(answered.result.expect("an answer").status, 409);
    assert_eq!(host.len(), 5);
}

#[test]
fn exit_gives_an_answer_wherever_it_is_called_and_keeps_its_writes() {
    for exits in [
        "exit(\"done\")",
        "fn leave() { exit(\"done\") } leave()",
        "[1].map(|x| exit(\"done\"))",
        "[1].filter(|x| exit(\"done\"))",
        "[1].for_each(|x| exit(\"done\"))",
        "[1].reduce(|sum, x| exit(\"done\"), 0)",
        "[2, 1].sort(|a, b| exit(\"done\"))",
        "#{a: 1}.map(|k, v| exit(\"done\"))",
        "Fn(\"leave\").call(); fn leave() { exit(\"done\") }",
        "[1].map(|x| [2].map(|y| exit(\"done\")))",
    ] {
        let host = Arc::<MemoryHost>::default();
        says(run(&host, &format!("{FIVE_WRITES} {exits}; 8")), "done");
        assert_eq!(host.len(), 5, "{exits}");
    }
    let host = Arc::<MemoryHost>::default();
    let no_answer = run(&host, &format!("{FIVE_WRITES} [1].map(|x| exit(|y| y)); 8"));
    assert_eq!(kind(no_answer), Some(ScriptErrorKind::Response));
    assert_eq!(host.len(), 0);
}

#[test]
fn a_run_that_breaks_a_limit_leaves_nothing() {
    let host = Arc::<MemoryHost>::default();
    for (end, limits, expected) in [
        (
            "loop {}",
            Limits {
                operations_max: 10_000,
                ..LIMITS
            },
            ScriptErrorKind::Operations,
        ),
        (
            "sleep(60)",
            Limits {
                timeout_ms: 20,
                ..LIMITS
            },
            ScriptErrorKind::Timeout,
        ),
        (
            "try { sleep(60) } catch {} 1",
            Limits {
                timeout_ms: 20,
                ..LIMITS
            },
            ScriptErrorKind::Timeout,
        ),
        ("\"x\" + request.nothing.here", LIMITS, ScriptErrorKind::Runtime),
        ("|x| x", LIMITS, ScriptErrorKind::Response),
    ] {
        let outcome = run_as(&host, APP, &format!("{FIVE_WRITES} {end}"), limits, true);
        assert_eq!(kind(outcome), Some(expected), "{end}");
        assert_eq!(host.len(), 0, "{end}");
    }
}

const SEVEN_QUESTIONS: &str = "kv::set(\"a\", kv::get(\"b\")); kv::incr(\"c\"); kv::list(\"d\"); kv::delete(\"e\"); \
    kv::get_many([\"f\", \"g\"]); kv::compare_and_set(\"h\", (), 1); kv::set_many(#{i: 1}); 1";

#[test]
fn a_run_that_is_out_of_time_at_any_of_its_questions_leaves_nothing() {
    let limits = Limits {
        timeout_ms: 20,
        ..LIMITS
    };
    for number in 1..=6 {
        let host = Arc::<MemoryHost>::default();
        host.be_silent_at(number);
        let outcome = run_as(&host, APP, SEVEN_QUESTIONS, limits, true);
        assert_eq!(
            kind(outcome),
            Some(ScriptErrorKind::Timeout),
            "at question {number}"
        );
        assert_eq!(host.len(), 0, "at question {number}");
    }
}

#[test]
fn a_run_that_is_given_up_at_any_of_its_questions_leaves_nothing() {
    for number in 1..=7 {
        let host = Arc::<MemoryHost>::default();
        host.be_silent_at(number);
        let services = host.services();
        let waiting = Arc::clone(&host);
        on_serving_thread(|_| async move {
            let executor = Executor::new(ExecutorConfig {
                services: Some(services),
                ..ExecutorConfig::default()
            });
            tokio::select! {
                outcome = executor.execute(invocation(SEVEN_QUESTIONS, LIMITS, request())) => panic!("{outcome:?}"),
                () = waiting.fell_silent() => {}
            }
        });
        assert_eq!((host.asked().len(), host.len()), (number, 0));
    }
    let host = Arc::<MemoryHost>::default();
    says(run(&host, SEVEN_QUESTIONS), "1");
    assert_eq!((host.asked().len(), host.len()), (7, 4));
}

#[test]
fn a_host_that_refuses_ends_the_run() {
    for (error, expected) in [
        (ServiceError::Unavailable, ScriptErrorKind::StorageUnavailable),
        (ServiceError::Full, ScriptErrorKind::StorageFull),
        (ServiceError::Failed, ScriptErrorKind::Internal),
        (ServiceError::AppGone, ScriptErrorKind::AppGone),
        (ServiceError::CommitUnknown, ScriptErrorKind::CommitUnknown),
        (ServiceError::LoopDetected, ScriptErrorKind::LoopDetected),
    ] {
        for source in [
            "kv::get(\"a\")",
            "try { kv::get(\"a\") } catch {} 1",
            "kv::set(\"a\", 1)",
        ] {
            let host = Arc::<MemoryHost>::default();
            host.refuse(error);
            assert_eq!(kind(run(&host, source)), Some(expected), "{source}");
        }
    }
}

#[test]
fn what_an_error_says_of_writes_is_true() {
    let source = "kv::set(\"a\", 1); transaction::commit(); kv::set(\"b\", 1); 1";
    for (number, error, commits, expected) in [
        (1, ServiceError::Full, 0, "nothing was written: "),
        (
            2,
            ServiceError::Full,
            1,
            "nothing was written since the last transaction::commit(): ",
        ),
        (
            1,
            ServiceError::CommitUnknown,
            0,
            "the connection to the database was lost",
        ),
        (
            2,
            ServiceError::CommitUnknown,
            1,
            "the connection to the database was lost",
        ),
    ] {
        let host = Arc::<MemoryHost>::default();
        host.refuse_from(number, error);
        let outcome = run(&host, source);
        assert_eq!((outcome.commits, host.len()), (commits, number - 1));
        let message = outcome.result.expect_err("it is refused").message;
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn a_run_that_is_only_tried_sees_its_writes_and_keeps_none() {
    let host = Arc::<MemoryHost>::default();
    let source = "kv::set(\"a\", 1); transaction::commit(); kv::set(\"b\", 2); kv::list(\"\").entries.len";
    let outcome = run_as(&host, APP, source, LIMITS, false);
    assert_eq!(outcome.writes_discarded, 2);
    says(outcome, "2");
    assert_eq!((host.len(), commits(&host)), (0, 0));
}

#[test]
fn a_run_that_is_only_tried_has_the_bounds_of_a_real_one() {
    let host = Arc::<MemoryHost>::default();
    let source = "for n in 0..20 { let m = #{}; for k in 0..90 { m[`${n}/${k}`] = 1 } kv::set_many(m); \
        if n % 5 == 4 { transaction::commit() } } kv::get(\"0/1\")";
    let tried = run_as(&host, APP, source, LIMITS, false);
    assert_eq!(tried.writes_discarded, 1_800);
    says(tried, "1");
    assert_eq!(host.len(), 0);
    says(run(&host, source), "1");
    assert_eq!(host.len(), 1_800);
}

#[test]
fn an_app_that_may_call_nothing_more_is_stopped_at_the_next_call() {
    let host = Arc::<MemoryHost>::default();
    host.allow_calls(2);
    let source = "kv::set(\"a\", 1); kv::get(\"b\"); try { kv::set(\"c\", 1) } catch { } \"done\"";
    let outcome = run(&host, source);
    // What was refused is not counted.
    assert_eq!(outcome.services[0].calls, 2);
    let error = outcome.result.expect_err("it may not go on");
    assert_eq!(error.kind, ScriptErrorKind::QuotaExceeded);
    assert!(
        error
            .message
            .starts_with("nothing was written: the app has called services 7 times today"),
        "{}",
        error.message
    );
    assert_eq!((host.len(), commits(&host)), (0, 0));
    // The commit at the end of a run is no call of its script.
    host.allow_calls(1);
    says(run(&host, "kv::set(\"a\", 1); \"done\""), "done");
    says(run(&host, "\"asks nothing\""), "asks nothing");
}
