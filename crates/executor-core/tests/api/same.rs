//! The functions that took the place of Rhai's give what Rhai's give.

use rhai::{
    Engine,
    packages::{Package, StandardPackage},
};

use crate::support::run;

const TEXTS: [&str; 6] = [
    "\"\"",
    "\"a\"",
    "\"ä,b,,c\"",
    "\" a  ä \"",
    "\"ababa\"",
    "\"x\\ty\\\"\\\\'é\\x01😀\"",
];
const CHARS: [&str; 3] = ["','", "'a'", "'ä'"];
const PARTS: [&str; 5] = ["\"\"", "\",\"", "\"ab\"", "\"ä\"", "\"zz\""];
const NUMBERS: [&str; 9] = [
    "0",
    "1",
    "2",
    "3",
    "9",
    "-1",
    "-3",
    "9223372036854775807",
    "-9223372036854775808",
];
const RANGES: [&str; 7] = [
    "0..2",
    "1..=2",
    "-2..3",
    "3..1",
    "2..=1",
    "1..99",
    "0..=9223372036854775807",
];
const ARRAYS: [&str; 8] = [
    "[]",
    "[3, 1, 2, 1, 1]",
    "[\"b\", \"a\", \"ä\", \"a\"]",
    "[1.5, -1.0, 1.5]",
    "['c', 'a']",
    "[true, false, false]",
    "[1, \"a\", 2.0, 'c', (), true, [1, [\"x\"]], #{b: 1, a: \"y\"}, blob(9, 7)]",
    "[[1], [1], #{}, #{}]",
];
const MAPS: [&str; 3] = ["#{}", "#{b: 1, a: 2, c: 3}", "#{x: \"y\", z: [1], a: 0.5}"];
/// Functions of every number of parameters, with and without what they capture, that use `this` and that fail.
const FUNCTIONS: [&str; 23] = [
    "|| true",
    "|x| x == 1",
    "|x| x",
    "|x, y| [x, y]",
    "|x, y| type_of(x) > type_of(y)",
    "|x, y, z| `${x}/${y}/${z}`",
    "|x, y, z, t| [x, y, z, t]",
    "|| n += 1",
    "|x| { n += 1; n % 2 == 0 }",
    "|x, y| { n += 1; [n, y, x] }",
    "|x, y, z| { n += 1; [x, y, z, n] }",
    "|| this == 1",
    "|| { this = [this]; true }",
    "|x| { this = [this, x]; x }",
    "|x, y| { this = [x, y]; [y] }",
    "|x| throw x",
    "|x| { n += 1; if n == 3 { throw n; } n == 1 }",
    "|x| nothing(x)",
    "|x| x.nothing()",
    "|x| n.push(x)",
    "Fn(\"len\")",
    "Fn(\"to_string\")",
    "Fn(\"nothing\")",
];
const BLOBS: [&str; 3] = ["blob()", "blob(3)", "blob(17, 0x1fe)"];

/// Each of `forms` with `{0}`, `{1}` … replaced by every combination of values.
fn combine(forms: &[&str], values: &[&[&str]]) -> Vec<String> {
    let mut scripts: Vec<String> = forms.iter().map(|form| (*form).to_owned()).collect();
    for (index, values) in values.iter().enumerate() {
        let hole = format!("{{{index}}}");
        scripts = scripts
            .iter()
            .flat_map(|script| values.iter().map(|value| script.replace(&hole, value)))
            .collect();
    }
    scripts
}

#[track_caller]
fn check_same(scripts: &[String]) {
    const SCRIPTS_PER_RUN: usize = 50;
    let mut plain = Engine::new_raw();
    StandardPackage::new().register_into_engine(&mut plain);
    for scripts in scripts.chunks(SCRIPTS_PER_RUN) {
        let guarded =
            |script: &String| format!("{{ try {{ r.push({script}); }} catch {{ r.push(\"fails\"); }} }}");
        let all: Vec<_> = scripts.iter().map(guarded).collect();
        let source = format!(
            "let r = [];\n{}\nlet texts = []; for v in r {{ texts.push(v.to_debug()); }} texts",
            all.join("\n")
        );
        let expected = plain.eval::<rhai::Array>(&source).expect("an array");
        let expected: Vec<_> = expected.into_iter().map(|text| text.to_string()).collect();
        let response = run(&source).result.expect("an array");
        let actual: Vec<String> = serde_json::from_slice(&response.body).expect("an array");
        let failed = expected.iter().filter(|text| *text == "\"fails\"").count();
        assert!(
            failed < scripts.len() / 2,
            "{failed} of {} fail in Rhai: {scripts:#?}",
            scripts.len()
        );
        for ((script, actual), expected) in scripts.iter().zip(actual).zip(expected) {
            assert_eq!(actual, expected, "{script}");
        }
    }
}

#[test]
fn places() {
    let forms = ["{0}.sub_string({1}, {2})", "{ let s = {0}; s.crop({1}, {2}); s }"];
    check_same(&combine(&forms, &[&TEXTS, &NUMBERS, &NUMBERS]));
    let forms = ["{0}.sub_string({1})", "{ let s = {0}; s.crop({1}); s }"];
    check_same(&combine(&forms, &[&TEXTS, &NUMBERS]));
    check_same(&combine(&forms, &[&TEXTS, &RANGES]));
    check_same(&combine(&["{0}.index_of({1}, {2})"], &[&TEXTS, &PARTS, &NUMBERS]));
    check_same(&combine(&["{0}.index_of({1}, {2})"], &[&TEXTS, &CHARS, &NUMBERS]));
}

#[test]
fn pieces() {
    let forms = ["{0}.split({1})", "{0}.split_rev({1})"];
    check_same(&combine(&forms, &[&TEXTS, &PARTS]));
    check_same(&combine(&forms, &[&TEXTS, &CHARS]));
    let forms = ["{0}.split({1}, {2})", "{0}.split_rev({1}, {2})"];
    check_same(&combine(&forms, &[&TEXTS, &PARTS, &NUMBERS]));
    check_same(&combine(&forms, &[&TEXTS, &CHARS, &NUMBERS]));
    check_same(&combine(
        &["{0}.split()", "{0}.to_chars()", "{0}.to_debug()"],
        &[&TEXTS],
    ));
}

#[test]
fn numbers() {
    check_same(&combine(
        &[
            "({0}).to_string()",
            "({0}).to_debug()",
            "`${{0}}`",
            "\"x\" + {0}",
            "[{0}].to_string()",
        ],
        &[&NUMBERS],
    ));
}

#[test]
fn replacing_and_padding() {
    let forms = ["{ let s = {0}; s.replace({1}, {2}); s }"];
    check_same(&combine(&forms, &[&TEXTS, &PARTS, &PARTS]));
    check_same(&combine(&forms, &[&TEXTS, &CHARS, &PARTS]));
    check_same(&combine(&forms, &[&TEXTS, &PARTS, &CHARS]));
    check_same(&combine(&forms, &[&TEXTS, &CHARS, &CHARS]));
    let small = &NUMBERS[..7];
    check_same(&combine(
        &["{ let s = {0}; s.pad({1}, {2}); s }"],
        &[&TEXTS, small, &CHARS],
    ));
    // With an empty padding Rhai never ends.
    check_same(&combine(
        &["{ let s = {0}; s.pad({1}, {2}); s }"],
        &[&TEXTS, small, &PARTS[1..]],
    ));
    check_same(&combine(
        &["{ let a = {0}; a.pad({1}, [1]); a }"],
        &[&ARRAYS, small],
    ));
    check_same(&combine(
        &["{ let b = {0}; b.pad({1}, 511); b }", "blob({1}, 3)", "blob({1})"],
        &[&BLOBS, small],
    ));
    check_same(&combine(
        &["{0}.to_array()", "{0}.to_debug()", "{0}.to_string()"],
        &[&BLOBS],
    ));
}

#[test]
fn arrays() {
    let forms = [
        "{0}.order()",
        "{0}.order_desc()",
        "{ let a = {0}; a.sort(); a }",
        "{ let a = {0}; a.sort_desc(); a }",
        "{ let a = {0}; a.dedup(); a }",
        "{ let a = {0}; a.dedup(|x, y| type_of(x) == type_of(y)); a }",
        "{0}.order(|x, y| type_of(x) < type_of(y))",
        "{0}.to_string()",
        "{0}.to_debug()",
        "{ let texts = []; for item in {0} { texts.push(item.to_string()); texts.push(`${item}`); } texts }",
        "`${{0}}`",
        "\"x\" + {0}",
        "{ let m = #{a: {0}}; m.to_string() }",
    ];
    check_same(&combine(&forms, &[&ARRAYS]));
}

/// What a call gives, what it leaves of its object and of a captured variable, and how it fails.
fn calls(forms: &[&str]) -> Vec<String> {
    let call = |form: &&str| {
        format!(
            "{{ let n = 0; let a = {{0}}; let f = {{1}}; \
            let given = (); try {{ given = {form}; }} catch (error) {{ given = `${{error}}`; }} [given, a, n] }}"
        )
    };
    forms.iter().map(call).collect()
}

#[test]
fn functions_for_each_item() {
    let forms = calls(&[
        "a.for_each(f)",
        "a.map(f)",
        "a.filter(f)",
        "a.find(f)",
        "a.find_map(f)",
        "a.index_of(f)",
        "a.some(f)",
        "a.all(f)",
        "a.reduce(f)",
        "a.reduce(f, 1)",
        "a.reduce(f, [n])",
        "a.reduce_rev(f)",
        "a.reduce_rev(f, 1)",
        "a.drain(f)",
        "a.retain(f)",
        "[a.map(f), a.map(f)]",
        "[a].map(|a| a.map(f))",
        "a.map(f.curry(7))",
        "a.filter(f.curry(7))",
        "a.reduce(f.curry(7), 1)",
        "a.for_each(f.curry(7))",
    ]);
    let forms: Vec<_> = forms.iter().map(String::as_str).collect();
    check_same(&combine(&forms, &[&ARRAYS, &FUNCTIONS]));
    let forms = calls(&["a.find(f, {2})", "a.find_map(f, {2})", "a.index_of(f, {2})"]);
    let forms: Vec<_> = forms.iter().map(String::as_str).collect();
    check_same(&combine(&forms, &[&ARRAYS, &FUNCTIONS[..8], &NUMBERS]));
}

#[test]
fn functions_for_each_entry() {
    let forms = calls(&[
        "a.map(f)",
        "a.filter(f)",
        "a.drain(f)",
        "a.retain(f)",
        "a.map(f.curry(7))",
        "a.filter(f.curry(7))",
    ]);
    let forms: Vec<_> = forms.iter().map(String::as_str).collect();
    check_same(&combine(&forms, &[&MAPS, &FUNCTIONS]));
}

#[test]
fn functions_that_use_what_they_are_called_for() {
    let forms = calls(&[
        "{ let f = |x| a.len; a.map(f) }",
        "{ let f = || a.len; a.map(f) }",
        "{ let f = |x| { a.push(x); true }; a.filter(f) }",
        "{ let f = |x, y| a; a.reduce(f, a) }",
        "{ let b = a; let f = |x| { b.push(x); b }; a.map(f) }",
        "{ let f = |x, y| { n = [x, y]; n }; a.reduce(f, n) }",
    ]);
    let forms: Vec<_> = forms.iter().map(String::as_str).collect();
    check_same(&combine(&forms, &[&ARRAYS, &["()"]]));
}
