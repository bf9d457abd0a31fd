//! Data nested so deep that going down it could take the stack.

use crate::case::Case;

/// A name, how such data is built, and how deep it gets within the usual limits.
const SHAPES: [(&str, &str, u32); 6] = [
    (
        "arrays",
        "let d = 0; for i in 0..DEPTH { d = [d.take()]; }",
        3_000,
    ),
    (
        "maps",
        "let d = 0; for i in 0..DEPTH { d = #{d: d.take()}; }",
        2_500,
    ),
    (
        "arrays and maps",
        "let d = 0; for i in 0..DEPTH { d = #{d: [d.take()]}; }",
        1_500,
    ),
    (
        "curried functions",
        "let d = |x| x; for i in 0..DEPTH { d = (|x, y| y).curry(d); }",
        1_500,
    ),
    (
        "captured variables",
        "let d = 0; for i in 0..DEPTH { let c = d; d = || c; }",
        5_000,
    ),
    (
        "arrays of closures",
        "let d = 0; for i in 0..DEPTH { let c = d; d = [|| c]; }",
        3_000,
    ),
];

/// What is done to it.
const ACTS: [(&str, &str); 18] = [
    ("dropped", "d = 0; 1"),
    ("copied", "let e = d; let f = e; 1"),
    ("compared", "let e = d; d == e; 1"),
    ("compared in an array", "[d] == [d]; 1"),
    ("to_string", "d.to_string().len"),
    ("to_debug", "d.to_debug().len"),
    ("interpolated", "`${d}`.len"),
    ("printed", "print(d); 1"),
    ("written as JSON", "json::stringify(d)"),
    ("written as JSON on many lines", "json::pretty(d)"),
    ("returned", "d"),
    ("returned as JSON", "json(d)"),
    ("thrown", "throw d"),
    ("searched", "[d].contains(d); [d].index_of(d); 1"),
    ("deduplicated", "[d, d].dedup(); 1"),
    ("made unique", "[d, d].unique(); 1"),
    ("switched on", "switch d { 1 => 2, _ => 3 }"),
    ("joined", "[d, d].join(\",\").len"),
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (shape, build, depth) in SHAPES {
        for (act, source) in ACTS {
            let source_at = |depth: &str| format!("{} {source}", build.replace("DEPTH", depth));
            cases.push(Case::new(
                format!("nested/{shape}: {act}"),
                "ok|depth|runtime|response|memory",
                source_at(&depth.to_string()),
            ));
        }
        let endless = build.replace("DEPTH", "1_000_000_000");
        let mut limits = crate::case::LIMITS;
        limits.operations_max = 100_000_000;
        limits.cpu_ms_max = 400;
        let case = Case::new(
            format!("nested/{shape}: without end"),
            "memory|cpu_time",
            format!("{endless} 1"),
        );
        cases.push(case.within(limits));
    }
    cases
}
