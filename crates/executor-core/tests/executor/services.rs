//! The invocation as a transaction.

use std::sync::Arc;

use picloud_executor_core::{Executor, ExecutorConfig};
use picloud_shared::{
    id::AppId,
    invocation::Invocation,
    limits::Limits,
    outcome::{Outcome, ScriptErrorKind},
    seam::ExecutorClient as _,
    services::{CALLS_PER_RUN_MAX, KvValue, Question, Service, ServiceError},
};
use uuid::Uuid;

use crate::support::{LIMITS, invocation, memory::MemoryHost, on_serving_thread, request};

const APP: AppId = AppId(Uuid::from_u128(1));
const OTHER: AppId = AppId(Uuid::from_u128(2));

/// Runs `source` for `app` on `host`.
fn run_as(host: &Arc<MemoryHost>, app: AppId, source: &str, limits: Limits, keeps_writes: bool) -> Outcome {
    let mut invocation = invocation(source, limits, request());
    Arc::make_mut(&mut invocation.script).app_id = app;
    invocation.keeps_writes = keeps_writes;
    run_invocation(host, invocation)
}

pub(crate) fn run_invocation(host: &Arc<MemoryHost>, invocation: Invocation) -> Outcome {
    let services = host.services();
    on_serving_thread(|_| async move {
        let executor = Executor::new(ExecutorConfig {
            services: Some(services),
            ..ExecutorConfig::default()
        });
        executor.execute(invocation).await
    })
}

fn run(host: &Arc<MemoryHost>, source: &str) -> Outcome {
    run_as(host, APP, source, LIMITS, true)
}

#[track_caller]
fn says(outcome: Outcome, expected: &str) {
    let response = outcome.result.expect("an answer");
    assert_eq!(String::from_utf8_lossy(&response.body), expected);
}

fn kind(outcome: Outcome) -> Option<ScriptErrorKind> {
    outcome.result.err().map(|error| error.kind)
}

fn json(text: &str) -> KvValue {
    KvValue::Json(text.to_owned())
}

fn commits(host: &MemoryHost) -> usize {
    let asked = host.asked();
    asked
        .iter()
        .filter(|question| matches!(question, Question::Commit(_)))
        .count()
}

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
fn a_conflict_runs_the_script_again_with_fresh_data() {
    let host = Arc::<MemoryHost>::default();
    host.put(APP, "n", "0");
    host.disturb("n", 3);
    let outcome = run(
        &host,
        "log::info(\"run\"); let n = kv::get(\"n\"); kv::set(\"seen\", n); n",
    );
    assert_eq!(outcome.logs.len(), 1, "only the last run has been");
    says(outcome, "3");
    assert_eq!(host.get(APP, "seen"), Some(json("3")));
    assert_eq!(commits(&host), 4);
}

#[test]
fn conflicts_without_end_are_told() {
    let host = Arc::<MemoryHost>::default();
    host.disturb("n", usize::MAX);
    let outcome = run(&host, "kv::incr(\"n\"); kv::set(\"x\", 1); 1");
    assert_eq!(kind(outcome), Some(ScriptErrorKind::Conflict));
    assert_eq!(host.get(APP, "x"), None);
    assert!(commits(&host) > 5);
}

#[test]
fn a_listed_range_conflicts_with_a_key_that_comes_into_it() {
    let host = Arc::<MemoryHost>::default();
    host.disturb("user/b", 1);
    says(
        run(
            &host,
            "let n = kv::list(\"user/\").entries.len; kv::set(\"count\", n); n",
        ),
        "1",
    );
    assert_eq!(host.get(APP, "count"), Some(json("1")));
}

#[test]
fn a_run_that_throws_for_what_it_saw_at_two_moments_runs_again() {
    let host = Arc::<MemoryHost>::default();
    host.put(APP, "a", "5");
    host.disturb("a", 1);
    let source =
        "let a = kv::get(\"a\"); let b = kv::get(\"b\"); if a == 5 { throw #{status: 500} } \"fine\"";
    says(run(&host, source), "fine");
}

#[test]
fn reading_once_asks_for_no_commit_and_reading_twice_for_one() {
    let host = Arc::<MemoryHost>::default();
    says(run(&host, "kv::get(\"a\") ?? 1"), "1");
    says(
        run(&host, "kv::get(\"a\"); kv::get(\"a\"); kv::has(\"a\"); 1"),
        "1",
    );
    says(run(&host, "kv::get_many([\"a\", \"b\"]); kv::get(\"b\"); 1"), "1");
    assert_eq!((host.asked().len(), commits(&host)), (3, 0));
    says(run(&host, "kv::get(\"a\"); kv::get(\"b\"); 1"), "1");
    assert_eq!(commits(&host), 1);
}

#[test]
fn what_is_known_without_asking_counts_as_read() {
    let host = || {
        let host = Arc::<MemoryHost>::default();
        host.put(APP, "a", "5");
        host.recall_all();
        host
    };
    let once = host();
    let outcome = run(&once, "[kv::get(\"a\"), kv::get(\"a\")]");
    let used = outcome.services[0];
    assert_eq!((used.service, used.calls, used.bytes_read), (Service::Kv, 2, 1));
    says(outcome, "[5,5]");
    assert!(once.asked().is_empty());

    let twice = host();
    says(run(&twice, "[kv::get(\"a\"), kv::get(\"nobody\")]"), "[5,null]");
    // Two moments: the commit compares what was read at both.
    assert_eq!((twice.asked().len(), commits(&twice)), (1, 1));

    let disturbed = host();
    disturbed.disturb("a", 1);
    says(run(&disturbed, "kv::incr(\"a\")"), "2");
    disturbed.disturb("b", 1);
    says(run(&disturbed, "kv::compare_and_set(\"b\", (), 1)"), "false");
    // The last one has written nothing, and has read at one moment.
    assert_eq!(disturbed.asked().len(), 3);
}

#[test]
fn a_script_without_services_asks_nothing() {
    let host = Arc::<MemoryHost>::default();
    let outcome = run(&host, "1");
    assert!(outcome.services.is_empty());
    assert!(host.asked().is_empty());
}

#[test]
fn an_early_commit_stays_and_forbids_to_run_again() {
    let host = Arc::<MemoryHost>::default();
    let thrown = run(
        &host,
        "kv::set(\"a\", 1); transaction::commit(); kv::set(\"b\", 1); throw \"no\"",
    );
    assert_eq!(kind(thrown), Some(ScriptErrorKind::Runtime));
    assert_eq!((host.get(APP, "a"), host.get(APP, "b")), (Some(json("1")), None));

    let source = "kv::set(\"a\", 2); transaction::commit(); kv::incr(\"n\")";
    host.disturb("n", 2);
    let outcome = run(&host, source);
    assert_eq!(kind(outcome), Some(ScriptErrorKind::Conflict));
    assert_eq!(host.get(APP, "a"), Some(json("2")));
}

#[test]
fn an_early_commit_without_writes_does_not_forbid_it() {
    let host = Arc::<MemoryHost>::default();
    host.put(APP, "n", "1");
    let source = "kv::get(\"a\"); kv::get(\"b\"); transaction::commit(); kv::incr(\"n\")";
    // Nobody disturbs the first commit, as it has not read that key.
    host.disturb("n", 2);
    assert!(run(&host, source).result.is_ok());
}

#[test]
fn all_runs_of_an_invocation_together_have_the_time_of_one() {
    let host = Arc::<MemoryHost>::default();
    host.disturb("n", usize::MAX);
    let limits = Limits {
        timeout_ms: 2_000,
        ..LIMITS
    };
    let source = "kv::get(\"n\"); sleep(1.1); kv::set(\"n\", 1); 1";
    let outcome = run_as(&host, APP, source, limits, true);
    assert_eq!(kind(outcome), Some(ScriptErrorKind::Timeout));
    assert_eq!(commits(&host), 1);
}

#[test]
fn a_conflict_at_an_early_commit_cannot_be_caught() {
    let host = Arc::<MemoryHost>::default();
    host.disturb("n", 1);
    let source = "let n = kv::get(\"n\") ?? -1; kv::set(\"x\", n); try { transaction::commit() } catch {} n";
    says(run(&host, source), "0");
    assert_eq!(host.get(APP, "x"), Some(json("0")));
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
fn calls_and_writes_are_bounded() {
    let host = Arc::<MemoryHost>::default();
    let outcome = run(&host, "for n in 0..2000 { kv::set(\"a\", n) } 1");
    assert_eq!(outcome.services[0].calls, CALLS_PER_RUN_MAX + 1);
    assert_eq!(kind(outcome), Some(ScriptErrorKind::Services));
    let many = "for n in 0..20 { let m = #{}; for k in 0..90 { m[`${n}/${k}`] = 1 } kv::set_many(m) } 1";
    assert_eq!(kind(run(&host, many)), Some(ScriptErrorKind::Services));
    let large = "let b = blob(200000); for n in 0..60 { kv::set(`${n}`, b) } 1";
    let limits = Limits {
        memory_bytes_max: 64 * 1_024 * 1_024,
        ..LIMITS
    };
    assert_eq!(
        kind(run_as(&host, APP, large, limits, true)),
        Some(ScriptErrorKind::Services)
    );
    assert_eq!(
        kind(run(&host, "kv::set(\"a\", blob(300000))")),
        Some(ScriptErrorKind::Runtime)
    );
    assert_eq!(host.len(), 0);
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
fn apps_do_not_see_each_other() {
    let host = Arc::<MemoryHost>::default();
    says(
        run_as(&host, APP, "kv::set(\"a\", \"canary\"); 1", LIMITS, true),
        "1",
    );
    let source =
        "[kv::get(\"a\"), kv::has(\"a\"), kv::list(\"\").entries, kv::get_many([\"a\"]), kv::delete(\"a\")]";
    says(
        run_as(&host, OTHER, source, LIMITS, true),
        "[null,false,[],{},false]",
    );
    assert_eq!(host.get(APP, "a"), Some(json("\"canary\"")));
}

#[test]
fn a_page_of_large_values_ends_early_and_the_next_goes_on() {
    let host = Arc::<MemoryHost>::default();
    for number in 10..40 {
        host.put(
            APP,
            &format!("k{number}"),
            &format!("\"{}\"", "x".repeat(100_000)),
        );
    }
    let source = "let sizes = []; let cursor = (); \
        do { let page = kv::list(\"k\", #{cursor: cursor}); sizes.push(page.entries.len); cursor = page.cursor; } \
        while cursor != (); sizes";
    says(run(&host, source), "[11,11,8]");
}

#[test]
fn lists_hold_own_writes_page_by_page() {
    let host = Arc::<MemoryHost>::default();
    for key in ["k1", "k3", "k5", "k7", "k9", "l"] {
        host.put(APP, key, "0");
    }
    let source =
        "kv::set(\"k2\", 0); kv::set(\"k8\", 0); kv::delete(\"k3\"); kv::delete(\"k5\"); kv::set(\"k7\", 1);
        let keys = []; let cursor = ();
        loop {
            let page = kv::list(\"k\", #{limit: 2, cursor: cursor});
            for entry in page.entries { keys.push(entry.key + \"=\" + entry.value) }
            cursor = page.cursor;
            if cursor == () { break }
        }
        keys.join(\" \")";
    says(run(&host, source), "k1=0 k2=0 k7=1 k8=0 k9=0");
}

#[test]
fn a_cursor_of_keys_goes_on_with_its_prefix_alone() {
    let host = Arc::<MemoryHost>::default();
    for key in ["a/1", "a/2", "b/1"] {
        host.put(APP, key, "0");
    }
    let source = "let cursor = kv::list(\"a/\", #{limit: 1}).cursor;
        let said = \"\";
        try { kv::list(\"b/\", #{cursor: cursor}) } catch (error) { said = `${error}` }
        [cursor, said.contains(\"another prefix\"), kv::list(\"\", #{cursor: cursor}).entries.len]";
    says(run(&host, source), "[\"a/1\",true,2]");
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

#[test]
fn what_was_used_is_told() {
    let host = Arc::<MemoryHost>::default();
    host.put(APP, "a", "12345");
    let outcome = run(&host, "kv::get(\"a\"); kv::set(\"key\", \"xyz\"); 1");
    let used = |service| {
        outcome
            .services
            .iter()
            .find(|used| used.service == service)
            .expect("used")
    };
    let kv = used(Service::Kv);
    assert_eq!((kv.calls, kv.bytes_read, kv.bytes_written), (2, 5, 8));
    // The commit at the end takes time, and is no call of the script.
    assert_eq!(used(Service::Transaction).calls, 0);
    let outcome = run(
        &host,
        "kv::set(\"key\", 1); transaction::commit(); kv::set(\"key\", 2); 1",
    );
    let used = outcome
        .services
        .iter()
        .find(|used| used.service == Service::Transaction);
    assert_eq!(used.map(|used| used.calls), Some(1));
}

fn requests(host: &MemoryHost) -> usize {
    let asked = host.asked();
    asked
        .iter()
        .filter(|question| matches!(question, Question::Http { .. }))
        .count()
}

#[test]
fn a_run_that_has_sent_something_is_not_repeated() {
    let rest = "kv::set(\"a\", (kv::get(\"a\") ?? 0) + 1); \"done\"";
    let host = Arc::<MemoryHost>::default();
    host.disturb("a", 1);
    let outcome = run(
        &host,
        &format!("http::post(\"https://api.example.com/\", \"x\"); {rest}"),
    );
    let error = outcome.result.expect_err("a conflict");
    assert_eq!(error.kind, ScriptErrorKind::Conflict);
    assert!(error.message.contains("has sent something"), "{}", error.message);
    assert_eq!(requests(&host), 1);
    // What only reads does no harm when it is done twice.
    let host = Arc::<MemoryHost>::default();
    host.disturb("a", 1);
    says(
        run(&host, &format!("http::get(\"https://api.example.com/\"); {rest}")),
        "done",
    );
    assert_eq!(requests(&host), 2);
}

#[test]
fn requests_of_a_run_are_counted_and_bounded() {
    let host = Arc::<MemoryHost>::default();
    let url = "https://api.example.com/";
    let outcome = run(
        &host,
        &format!("for n in 0..50 {{ http::get(\"{url}\") }} \"done\""),
    );
    let used = outcome.services.iter().find(|used| used.service == Service::Http);
    assert!(
        used.is_some_and(|used| used.calls == 50 && used.bytes_read > 0),
        "{used:?}"
    );
    says(outcome, "done");
    let more = format!("for n in 0..51 {{ try {{ http::get(\"{url}\") }} catch {{}} }} \"done\"");
    let error = run(&host, &more).result.expect_err("too many");
    assert!(error.message.contains("50 requests"), "{}", error.message);
    let many = format!("let all = []; for n in 0..11 {{ all.push(\"{url}\") }} http::all(all)");
    let error = run(&host, &many).result.expect_err("too many at one time");
    assert!(error.message.contains("at most 10"), "{}", error.message);
}

#[test]
fn a_request_never_takes_longer_than_its_run() {
    let host = Arc::<MemoryHost>::default();
    let limits = Limits {
        timeout_ms: 2_000,
        ..LIMITS
    };
    let source = "http::get(\"https://api.example.com/\", #{timeout_ms: 30000}); \"done\"";
    says(run_as(&host, APP, source, limits, true), "done");
    let asked = host.asked();
    let [Question::Http { requests }] = &asked[..] else {
        panic!("one question: {asked:?}");
    };
    assert!(requests[0].timeout_ms <= 1_900, "{requests:?}");
}
