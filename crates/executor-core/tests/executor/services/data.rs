//! What a run reads, writes and sends, and how much of it.

use std::sync::Arc;

use picloud_shared::{
    limits::Limits,
    outcome::ScriptErrorKind,
    services::{CALLS_PER_RUN_MAX, Question, Service},
};

use super::{APP, OTHER, commits, json, kind, run, run_as, says};
use crate::support::{LIMITS, memory::MemoryHost};

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
