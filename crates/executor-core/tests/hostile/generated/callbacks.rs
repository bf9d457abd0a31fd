//! Every native function that calls back into the script, with callbacks that do not end, take everything, or
//! leave by another way.

use picloud_shared::limits::Limits;

use crate::case::{Case, LIMITS};

/// A name, and a call whose callback has `BODY`.
const CALLS: [(&str, &str); 33] = [
    ("map", "[1, 2].map(|x| { BODY })"),
    ("map by name", "fn f(x) { BODY } [1, 2].map(\"f\")"),
    ("map of a map", "#{a: 1, b: 2}.map(|k, v| { BODY })"),
    ("filter", "[1, 2].filter(|x| { BODY })"),
    ("filter by name", "fn f(x) { BODY } [1, 2].filter(\"f\")"),
    ("filter of a map", "#{a: 1, b: 2}.filter(|k, v| { BODY })"),
    ("for_each", "[1, 2].for_each(|i| { BODY })"),
    ("reduce", "[1, 2].reduce(|sum, x| { BODY })"),
    ("reduce with a start", "[1, 2].reduce(|sum, x| { BODY }, 0)"),
    ("reduce by name", "fn f(sum, x) { BODY } [1, 2].reduce(\"f\")"),
    ("reduce_rev", "[1, 2].reduce_rev(|sum, x| { BODY })"),
    ("find", "[1, 2].find(|x| { BODY })"),
    ("find from the end", "[1, 2].find(|x| { BODY }, -2)"),
    ("find_map", "[1, 2].find_map(|x| { BODY })"),
    ("index_of", "[1, 2].index_of(|x| { BODY })"),
    ("index_of by name", "fn f(x) { BODY } [1, 2].index_of(Fn(\"f\"))"),
    ("some", "[1, 2].some(|x| { BODY })"),
    ("all", "[1, 2].all(|x| { BODY })"),
    ("drain", "[1, 2].drain(|x| { BODY })"),
    ("drain of a map", "#{a: 1, b: 2}.drain(|k, v| { BODY })"),
    ("retain", "[1, 2].retain(|x| { BODY })"),
    ("retain of a map", "#{a: 1, b: 2}.retain(|k, v| { BODY })"),
    ("dedup", "[1, 2].dedup(|x, y| { BODY })"),
    ("dedup by name", "fn f(x, y) { BODY } [1, 2].dedup(\"f\")"),
    ("sort", "[2, 1].sort(|x, y| { BODY })"),
    ("sort by name", "fn f(x, y) { BODY } [2, 1].sort(\"f\")"),
    ("sort_by", "[2, 1].sort_by(|x, y| { BODY })"),
    ("order", "[2, 1].order(|x, y| { BODY })"),
    ("order_by", "[2, 1].order_by(|x, y| { BODY })"),
    ("zip", "[1, 2].zip([3, 4], |x, y| { BODY })"),
    ("call", "let f = |x| { BODY }; f.call(1)"),
    ("curry", "let f = |x, y| { BODY }; f.curry(1).call(2)"),
    ("a method of a map", "let m = #{run: |x| { BODY }}; m.run(1)"),
];

/// What a callback does, and how the run ends.
const BODIES: [(&str, &str, &str, Limits); 6] = [
    ("does not end", "loop {}", "operations", LIMITS),
    (
        "catches its end",
        "try { loop {} } catch { return true }",
        "operations",
        LIMITS,
    ),
    (
        "takes all memory",
        "let s = \"0123456789\"; loop { s += s; }",
        "memory",
        LIMITS,
    ),
    (
        "sleeps",
        "sleep(3600); true",
        "timeout",
        Limits {
            timeout_ms: 10,
            ..LIMITS
        },
    ),
    (
        "throws an answer",
        "throw #{status: 418, body: \"tea\"}",
        "418",
        LIMITS,
    ),
    ("leaves", "exit(\"gone\")", "ok", LIMITS),
];

pub(super) fn cases() -> Vec<Case> {
    let plain = CALLS.iter().flat_map(|(call, source)| {
        BODIES.iter().map(move |(what, body, verdict, limits)| {
            let source = source.replace("BODY", body);
            Case::new(format!("callbacks/{call}: {what}"), verdict, source).within(*limits)
        })
    });
    let caught = CALLS
        .iter()
        .filter(|(_, source)| !source.starts_with("fn"))
        .map(|(call, source)| {
            let source = format!(
                "try {{ {} }} catch {{ return \"fine\" }} \"fine\"",
                source.replace("BODY", "loop {}")
            );
            Case::new(
                format!("callbacks/{call}: is caught when it does not end"),
                "operations",
                source,
            )
        });
    plain.chain(caught).collect()
}
