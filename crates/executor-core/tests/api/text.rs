//! Regular expressions.

use crate::script::check;

#[test]
fn matches() {
    check("regex::is_match(``, ``)", "true");
    check("regex::find(`b+`, \"aébbc\")", "\"bb\"");
    check("regex::find_all(`x*`, \"axxb\")", "[\"\", \"xx\", \"\"]");
    check("regex::find_all(`.`, \"é😀\")", "[\"é\", \"😀\"]");
    check("regex::find_all(``, \"é\")", "[\"\", \"\"]");
    check("regex::split(`,`, \"\")", "[\"\"]");
    check("regex::split(`x`, \"axbx\")", "[\"a\", \"b\", \"\"]");
    check("regex::find(`\\bwört\\b`, \"kein wört hier\")", "\"wört\"");
    check("regex::find(`(?m)^b$`, \"a\\nb\\n\")", "\"b\"");
}

#[test]
fn groups() {
    check(
        "regex::captures(`(?<a>x)|(?<b>y)`, \"y\")",
        "#{\"0\": \"y\", \"1\": (), \"2\": \"y\", a: (), b: \"y\"}",
    );
    check("regex::captures(`\\b(\\w)`, \"-é\")[\"1\"]", "\"é\"");
    check(
        "regex::replace_all(`(?<a>\\w)(\\w)`, \"abcd\", \"$2${a}x$$\")",
        "\"bax$dcx$\"",
    );
    check("regex::replace(`a`, \"aa\", \"b\")", "\"ba\"");
    check("regex::replace_all(`a`, \"aa\", \"$9\")", "\"\"");
    check("regex::replace_all(``, \"é\", \"-\")", "\"-é-\"");
}

#[test]
fn patterns_are_bounded() {
    check("regex::is_match(`[`, ``)", "error: unclosed character class");
    check("regex::is_match(`(?=a)`, ``)", "error: look-around");
    check(
        "regex::is_match(\"a\".repeated(5000), ``)",
        "error: longer than 4096 bytes",
    );
    check("regex::is_match(`(\\w{1000}){1000}`, ``)", "error: too large");
    check(
        "regex::is_match(`(((a{100}){100}){100}){100}`, ``)",
        "error: too large",
    );
}

/// A lazy DFA gives up on this one, and text times pattern is too much for anything else.
#[test]
fn hostile_patterns_end_soon() {
    let text =
        "let text = \"\"; for i in 0..2000 { text += if random::int(0, 1) == 0 { \"0\" } else { \"1\" } }
                text = text.repeated(500);";
    check(
        &format!("{text} regex::find_all(`[01]*1[01]{{500}}$`, text)"),
        "error: too complex",
    );
    check(
        &format!("{text} regex::is_match(`(x+x+)+y`, \"x\".repeated(100000))"),
        "false",
    );
}
