//! Whatever a function is called with, it answers or fails; nothing panics.

use picloud_executor_core::functions;
use picloud_shared::outcome::ScriptErrorKind;
use proptest::{
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};

use crate::support::run;

/// Values at the edges, as scripts write them.
const VALUES: &[&str] = &[
    "()",
    "true",
    "0",
    "1",
    "-1",
    "7",
    "64",
    "-9223372036854775808",
    "9223372036854775807",
    "1_000_000_000_000",
    "0.0",
    "-0.5",
    "1e308",
    "(0.0 / 0.0)",
    "(1.0 / 0.0)",
    "'a'",
    "'\\U0010ffff'",
    "\"\"",
    "\"a\"",
    "\"aé😀\\x00\"",
    "\"2026-11-20T21:05:17Z\"",
    "\"%Y-%m-%d\"",
    "\"Europe/Rome\"",
    "\"day\"",
    "\"(a*)+[\"",
    "\"x\".repeated(5000)",
    "[]",
    "[1, 2.0, \"x\", ()]",
    "[[1], [\"a\", 2]]",
    "[#{a: 1}, #{b: \"x\"}]",
    "#{}",
    "#{year: 2026, month: 2, day: 30, days: 9223372036854775807, header: (), scheme: \"a\", host: \":\"}",
    "blob()",
    "blob(9, 200)",
    "(0..3)",
    "(-9223372036854775808..=9223372036854775807)",
    "(5..-5)",
    "|x| x",
    "|x, y| x",
    "timestamp()",
    "request",
    "response(200)",
];

/// Called by name with any values; and those that would end or delay the run.
fn calls() -> Vec<(String, usize)> {
    const SKIPPED: [&str; 4] = ["sleep", "exit", "index$get$", "index$set$"];
    let mut calls: Vec<_> = functions()
        .into_iter()
        .filter(|function| !SKIPPED.contains(&function.name.as_str()))
        .filter(|function| function.module.as_deref() != Some("retry"))
        .map(|function| {
            let module = function
                .module
                .map(|module| format!("{module}::"))
                .unwrap_or_default();
            (format!("{module}{}", function.name), function.params.len())
        })
        .collect();
    calls.sort();
    calls.dedup();
    calls
}

/// How a function of that name is called with these values: operators and properties have forms of their own.
fn call(name: &str, values: &[&str]) -> String {
    match (name.split_once('$'), values) {
        (Some(("get", property)), [value]) => format!("let v = {value}; v.{property}"),
        (Some(("set", property)), [value, new]) => format!("let v = {value}; v.{property} = {new}"),
        (None, [value]) if is_operator(name) => format!("{name}({value})"),
        (None, [left, right]) if name.ends_with('=') && !["==", "!=", "<=", ">="].contains(&name) => {
            format!("let v = {left}; v {name} {right}; v")
        }
        (None, [left, right]) if is_operator(name) => format!("({left}) {name} ({right})"),
        _ => {
            let names: Vec<_> = (0..values.len()).map(|index| format!("v{index}")).collect();
            let lets: Vec<_> = values
                .iter()
                .zip(&names)
                .map(|(value, name)| format!("let {name} = {value};"))
                .collect();
            format!("{}\n{name}({})", lets.join("\n"), names.join(", "))
        }
    }
}

fn is_operator(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
}

/// In batches, each call in a `try` of its own, so that one run tries many.
#[test]
fn nothing_panics() {
    const CALLS_PER_RUN: usize = 40;
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(120);
    let calls = calls();
    assert!(calls.len() > 300, "only {} functions", calls.len());
    let one_call = (select(calls), prop::collection::vec(select(VALUES), 8));
    let batch = prop::collection::vec(one_call, CALLS_PER_RUN);
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let result = runner.run(&batch, |batch| {
        let scripts = batch
            .iter()
            .map(|((name, count), values)| call(name, &values[..*count]));
        let source = scripts
            .map(|script| format!("try {{ {script} }} catch {{ }}"))
            .collect::<Vec<_>>()
            .join("\n");
        if let Err(error) = run(&source).result {
            let harmless =
                error.kind.is_limit() || error.kind.is_timeout() || error.kind == ScriptErrorKind::Response;
            prop_assert!(harmless, "{error:?}\n{source}");
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
