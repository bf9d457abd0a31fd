//! Which runs begin anew after a conflict, and which may not.

use std::sync::Arc;

use picloud_shared::{limits::Limits, outcome::ScriptErrorKind, services::Question};

use super::{APP, commits, json, kind, run, run_as, says};
use crate::support::{LIMITS, memory::MemoryHost};

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
