//! A run and all that it calls are one transaction.

use std::sync::Arc;

use picloud_shared::{
    limits::Limits,
    services::{KvValue, Service},
};

use super::{error, run_on, run_within, says};
use crate::support::{LIMITS, memory::MemoryHost};

#[test]
fn all_of_it_is_one_transaction() {
    let host = Arc::<MemoryHost>::default();
    let scripts = [
        (
            "main",
            "kv::set(\"a\", 1); let seen = script::call(\"other\"); [seen, kv::get(\"b\"), docs::count(\"d\", #{})]",
        ),
        (
            "other",
            "kv::set(\"b\", 2); docs::insert(\"d\", #{n: 1}); kv::get(\"a\")",
        ),
    ];
    let (app, outcome) = run_on(&host, &scripts);
    let uses: Vec<_> = outcome
        .services
        .iter()
        .map(|used| (used.service, used.calls))
        .collect();
    assert!(
        uses.contains(&(Service::Script, 1)) && uses.contains(&(Service::Kv, 4)),
        "{uses:?}"
    );
    says(outcome, "[1,2,1]");
    assert_eq!(host.get(app, "b"), Some(KvValue::Json("2".to_owned())));
    assert_eq!(host.commits().len(), 1);
}

#[test]
fn what_throws_leaves_nothing_of_its_own() {
    let host = Arc::<MemoryHost>::default();
    let scripts = [
        (
            "main",
            "kv::set(\"a\", \"main\"); docs::insert(\"d\", \"1\", #{by: \"main\"}); \
             try { script::call(\"other\") } catch {} \
             [kv::get(\"a\"), kv::get(\"b\"), docs::get(\"d\", \"1\").by, docs::get(\"new\", \"1\"), script::call(\"good\")]",
        ),
        (
            "other",
            "kv::set(\"a\", \"other\"); kv::set(\"b\", 1); docs::replace(\"d\", \"1\", #{by: \"other\"}); \
             docs::insert(\"new\", \"1\", #{}); script::call(\"good\"); throw 1",
        ),
        ("good", "kv::incr(\"good\")"),
    ];
    let (app, outcome) = run_on(&host, &scripts);
    says(outcome, "[\"main\",null,\"main\",null,1]");
    assert_eq!(host.get(app, "a"), Some(KvValue::Json("\"main\"".to_owned())));
    assert_eq!(
        (host.get(app, "b"), host.get(app, "good")),
        (None, Some(KvValue::Json("1".to_owned())))
    );
    // So does what a limit ends, and all of it if the caller throws.
    let stopped = [
        (
            "main",
            "try { script::call(\"other\") } catch {} kv::get(\"c\") ?? \"none\"",
        ),
        ("other", "kv::set(\"c\", 1); loop {}"),
    ];
    let few = Limits {
        operations_max: 1_000,
        ..LIMITS
    };
    says(run_within(&stopped, &[("other", few)]), "none");
    let (app, outcome) = run_on(
        &host,
        &[
            ("main", "script::call(\"other\"); throw 1"),
            ("other", "kv::set(\"e\", 1)"),
        ],
    );
    assert!(outcome.result.is_err());
    assert_eq!(host.get(app, "e"), None);
}

#[test]
fn only_the_caller_commits() {
    let error = error(&[
        ("main", "script::call(\"other\")"),
        ("other", "transaction::commit()"),
    ]);
    assert!(error.message.contains("belongs to its caller"), "{error:#?}");
}
