//! Every kind of value, thrown, returned and put where it does not belong.

use crate::case::Case;

/// A kind, a value of it, and what becomes of it when it is returned.
const VALUES: [(&str, &str, &str); 24] = [
    ("nothing", "()", "204"),
    ("a boolean", "true", "ok"),
    ("the smallest integer", "(-9_223_372_036_854_775_807 - 1)", "ok"),
    ("a float", "1.5", "ok"),
    ("infinity", "(1.0 / 0.0)", "ok"),
    ("no number", "(0.0 / 0.0)", "ok"),
    ("a character", "'😀'", "ok"),
    ("an empty text", "\"\"", "ok"),
    ("a text", "\"a\\x00\\r\\n\"", "ok"),
    ("an empty array", "[]", "ok"),
    (
        "an array of everything",
        "[(), 1, 2.5, 'c', \"s\", [], #{}, blob(2)]",
        "ok",
    ),
    ("an empty map", "#{}", "ok"),
    (
        "a map with strange keys",
        "#{\"\": 1, \"\\x00\": 2, \"a b\": 3, \"__proto__\": 4}",
        "ok",
    ),
    ("an empty blob", "blob()", "ok"),
    ("a blob", "blob(3, 255)", "ok"),
    ("a closure", "|x| x", "response"),
    ("a function pointer", "Fn(\"max\")", "response"),
    ("a time", "timestamp()", "response"),
    ("a range", "(0..9_223_372_036_854_775_807)", "response"),
    ("an inclusive range", "(0..=9)", "response"),
    ("a stream of characters", "\"abc\".chars()", "response"),
    ("a request", "request", "response"),
    ("the headers of a request", "request.headers", "response"),
    ("a response", "response(418, \"tea\")", "418"),
];

/// What is done to a value `V`. The run answers, or ends in an error that the script could have caught.
const ACTS: [(&str, &str); 9] = [
    ("logged", "log::info(V, V); print(V); debug(V); 1"),
    (
        "shown",
        "let v = V; v.to_string(); v.to_debug(); `${v}`; \"\" + v; type_of(v); 1",
    ),
    ("compared", "let v = V; v == V; v != V; v < V; v >= V; 1"),
    ("a key", "let m = #{}; m[V] = 1; m"),
    ("an index", "[1, 2, 3][V]"),
    ("a condition", "if V { 1 } else { 2 }"),
    ("gone through", "for x in V { break; } 1"),
    ("switched on", "switch V { 1 => 2, \"a\" => 3, _ => 4 }"),
    (
        "an operand of everything",
        "let v = V; for f in [|| v + v, || v - v, || v * v, || v / v, || v % v, || v ** v, || v << v, || v & v, || v && v, || !v, || -v, || v in v, || v ?? v] { try { f.call(); } catch {} } 1",
    ),
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (kind, value, returned) in VALUES {
        let case = |what: &str, verdicts: &str, source: String| {
            Case::new(format!("values/{kind}, {what}"), verdicts, source)
        };
        let thrown = if returned == "418" { "418" } else { "runtime" };
        cases.push(case("returned", returned, value.to_owned()));
        cases.push(case(
            "returned by the handler",
            returned,
            format!("fn handle(request) {{ {value} }}"),
        ));
        cases.push(case("thrown", thrown, format!("throw {value}")));
        cases.push(case(
            "thrown and caught",
            returned,
            format!("try {{ throw {value} }} catch (e) {{ return e }}"),
        ));
        cases.push(case("left with", returned, format!("exit({value})")));
        for (what, act) in ACTS {
            let source = act.replace('V', value);
            cases.push(case(what, "ok|runtime|compile|operations", source));
        }
    }
    cases
}
