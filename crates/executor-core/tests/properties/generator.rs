//! Scripts that compile, and do anything: loops, callbacks, closures, errors, answers.

use proptest::prelude::*;

/// What every generated script begins with: a variable of each common kind, and functions to call.
const BEGINNING: &str = "
fn twice(x) { [x, x] }
fn down(n) { if n > 0 { down(n - 1) } else { n } }
let a = 5; let b = [3, 1, 2]; let c = #{x: 1, y: \"z\"}; let s = \"text\"; let f = |x| [x, a];
";

/// Any script.
pub(crate) fn script() -> impl Strategy<Value = String> {
    prop::collection::vec(expression(), 1..5)
        .prop_map(|expressions| format!("{BEGINNING}{}", expressions.join(";\n")))
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "0",
        "1",
        "-7",
        "2.5",
        "true",
        "()",
        "'c'",
        "\"\"",
        "\"abc\"",
        "a",
        "b",
        "c",
        "s",
        "f",
        "b[0]",
        "c.y",
        "request.path",
        "{ throw a; }",
        "{ a += 1; a }",
        "b.push(a)",
        "{ c.x = b; }",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(5, 40, 3, |inner| {
        let forms = prop::sample::select(vec![
            "(E) + (E)",
            "(E) == (E)",
            "[E, E]",
            "#{k: E, l: E}",
            "`<${E}>`",
            "twice(E)",
            "down(20)",
            "f.call(E)",
            "(|| E).call()",
            "(|v| [v, E]).curry(E).call()",
            "{ let x = E; x }",
            "if (E) == (E) { E } else { E }",
            "switch E { 1 => E, \"abc\" => 2, _ => E }",
            "{ try { E } catch (e) { b.push(e); E } }",
            "{ let n = 0; for i in 0..9 { n += i; E; } n }",
            "{ let n = 9; while n > 0 { n -= 1; E; } n }",
            "{ let n = 0; loop { n += 1; if n > 5 { break n; } E; } }",
            "[1, 2, 3].map(|v| E)",
            "[1, 2, 3].filter(|v| (E) == (E))",
            "[1, 2, 3].reduce(|v, w| E, 0)",
            "[3, 1, 2].order(|v, w| { E; v < w })",
            "#{p: 1, q: 2}.filter(|k, v| { E; true })",
            "(E).to_string()",
            "json::stringify(E)",
            "log::info(E, E)",
            "hash::sha256(`${E}`)",
            "regex::find_all(`[a-z]`, `${E}`)",
            "s.split(\"t\").len",
            "{ return E; }",
        ]);
        (forms, inner.clone(), inner.clone(), inner).prop_map(|(form, first, second, third)| {
            let mut parts = [first, second, third].into_iter();
            form.split('E')
                .map(str::to_owned)
                .reduce(|before, after| {
                    let part = parts.next().unwrap_or_else(|| "1".to_owned());
                    format!("{before}{part}{after}")
                })
                .unwrap_or_default()
        })
    })
}
