//! No native function lets a script out of its limits.

use picloud_shared::outcome::ScriptErrorKind::{Memory, Operations, Runtime};

use crate::script::{check, check_stopped};

#[test]
fn one_call_cannot_take_all_memory() {
    for source in [
        "blob(1000000000000)",
        "blob(9223372036854775807, 1)",
        "let b = blob(); b.pad(9223372036854775807, 0)",
        "let a = []; a.pad(9223372036854775807, 0)",
        "let a = []; a.pad(1000, blob(1000000))",
        "let s = \"\"; s.pad(9223372036854775807, 'x')",
        "let s = \"\"; s.pad(9223372036854775807, \"xy\")",
        "\"x\".repeated(9223372036854775807)",
        "let s = \"x\".repeated(1000000); s.replace(\"x\", s)",
        "let s = \"x\".repeated(1000000); s.replace('x', s)",
        "let s = \"x\".repeated(1000000); s.replaced(\"x\", s)",
        "let s = \"x\".repeated(1000000); s.replaced(\"\", s)",
        "let s = \"x\".repeated(10000000); s.split(\"\")",
        "let s = \"x\".repeated(10000000); s.split('x')",
        "let s = \"x\".repeated(10000000); s.split_rev(\"x\")",
        "let s = \"x \".repeated(5000000); s.split()",
        "let s = \"x\".repeated(10000000); s.to_chars()",
        "let s = \"\\n\".repeated(10000000); s.lines()",
        "blob(10000000).to_array()",
        "let s = \"x\".repeated(5000000); let a = []; a.pad(100, s); a.join(\"\")",
        "let s = \"x\".repeated(5000000); let a = []; a.pad(100, s); a.to_string()",
        "let s = \"x\".repeated(5000000); let a = []; a.pad(100, s); a.to_debug()",
        "let s = \"x\".repeated(5000000); let a = []; a.pad(100, s); `${a}`",
        "let s = \"x\".repeated(5000000); let a = []; a.pad(100, s); \"\" + a",
        "let s = \"x\".repeated(5000000); let a = []; a.pad(100, s); let t = \"\"; t += a; t",
        "let s = \"x\".repeated(5000000); let a = []; a.pad(100, s); json::stringify(a)",
        "let s = \"x\".repeated(5000000); let a = []; a.pad(100, s); #{a: a}.to_json()",
        "let s = \"x\".repeated(5000000); let a = []; a.pad(100, s); csv::stringify([a])",
        "let s = \"x\".repeated(5000000); let a = []; a.pad(100, s); form::encode(#{a: a})",
        "let s = \"\\x01\".repeated(10000000); s.to_debug()",
        "let s = \"<\".repeated(10000000); html::escape(s)",
        "let s = \" \".repeated(15000000); url::encode(s)",
        "let s = `{\"\":0},`.repeated(2000000); json::parse(`[${s}0]`)",
        "let s = \"0,\".repeated(5000000); json::parse(`[${s}0]`)",
        "let s = \"a\\n\".repeated(5000000); csv::parse(s)",
        "let s = \"a&\".repeated(5000000); form::pairs(s)",
        "let s = \"x\".repeated(10000000); regex::find_all(`x`, s)",
        "let s = \"x\".repeated(10000000); regex::split(`x`, s)",
        "let s = \"x\".repeated(1000000); regex::replace_all(`x`, s, s)",
        "let s = \"x\".repeated(1000000); regex::replace_all(`x+`, s, \"$0\".repeated(1000))",
        "let s = \"x\".repeated(10000000); regex::escape(\".\" + s.replaced(\"x\", \"..\"))",
    ] {
        check_stopped(source, Memory);
    }
}

#[test]
fn one_call_cannot_take_all_time() {
    // Comparing two strings that are equal for millions of bytes, many times.
    check_stopped(
        "let s = \"x\".repeated(2000000); let t = s + \"y\"; let a = [];
         for i in 0..2000 { a.push(s); a.push(t); } a.sort()",
        Operations,
    );
    check_stopped(
        "let a = []; a.pad(100000, 1); a.sort(|x, y| { loop { } })",
        Operations,
    );
    check_stopped(
        "let a = []; a.pad(100000, 1); a.dedup(|x, y| { loop { } })",
        Operations,
    );
    check_stopped(
        "loop { regex::find_all(`[a-z]+`, \"word \".repeated(10000)) }",
        Operations,
    );
    check_stopped("loop { json::parse(`[${\"1,\".repeated(10000)}1]`) }", Operations);
    check_stopped(
        "let a = []; a.pad(50000, 1); loop { random::shuffle(a) }",
        Operations,
    );
    check_stopped("let b = blob(8000000); loop { hash::sha512(b) }", Operations);
}

#[test]
fn work_inside_a_call_is_counted() {
    let script = "let b = blob(1000000); for i in 0..2000 { hash::blake3(b) }";
    check_stopped(script, Operations);
}

#[test]
fn a_verdict_in_a_comparer_cannot_be_caught() {
    check_stopped(
        "try { [2, 1].order(|x, y| { loop { } }) } catch { } 1",
        Operations,
    );
    check_stopped("try { blob(1000000000000) } catch { } 1", Memory);
}

#[test]
fn empty_padding_ends() {
    check("let s = \"x\"; s.pad(1000000000, \"\"); s", "\"x\"");
}

#[test]
fn errors_are_errors_of_the_script() {
    check_stopped("json::parse(\"{\")", Runtime);
}
