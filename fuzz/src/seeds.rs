//! What the fuzzer begins with, made from the catalogue of the script API: a function that is added there is
//! fuzzed from then on.

use std::{collections::BTreeSet, fmt::Write as _};

use picloud_executor_core::{ScriptFunction, functions};

/// What Rhai's grammar is made of, beside names.
const GRAMMAR: [&str; 54] = [
    "let ",
    "const ",
    "fn ",
    "if ",
    "else ",
    "switch ",
    "for ",
    " in ",
    "while ",
    "loop ",
    "do ",
    "until ",
    "break ",
    "continue ",
    "return ",
    "throw ",
    "try ",
    "catch ",
    "import ",
    "export ",
    "private ",
    "this",
    "is_def_var(",
    "is_shared(",
    "type_of(",
    "Fn(\"",
    ".call(",
    ".curry(",
    "request",
    "true",
    "false",
    "()",
    "|x| ",
    "|| ",
    "=> ",
    "#{",
    "${",
    "??",
    "?.",
    "?[",
    "**",
    "<<=",
    "..=",
    "::",
    "0x",
    "1e308",
    "9223372036854775807",
    "\\u{",
    "/*",
    "//",
    "handle(request)",
    "`",
    "r#\"",
    "!in ",
];

/// Scripts to begin with: the example of each function.
pub fn seeds() -> BTreeSet<String> {
    let examples = functions()
        .into_iter()
        .map(|function| function.example().join("\n"));
    examples.filter(|example| !example.is_empty()).collect()
}

/// A dictionary in the form of libFuzzer: what a script may call, and what its grammar is made of.
pub fn dictionary() -> String {
    let calls = functions().iter().map(call).collect::<BTreeSet<_>>();
    let grammar = GRAMMAR.iter().map(|word| (*word).to_owned());
    let mut out = String::new();
    for word in calls.into_iter().chain(grammar) {
        // Writing to a string does not fail.
        let _ = writeln!(out, "\"{}\"", word.escape_default());
    }
    out
}

/// How a call of a function begins.
fn call(function: &ScriptFunction) -> String {
    let name = &function.name;
    match (&function.module, name.split_once('$')) {
        (Some(module), _) => format!("{module}::{name}("),
        (None, Some((_, property))) => format!(".{}", property.trim_end_matches('$')),
        (None, None) if !is_identifier(name) => format!(" {name} "),
        (None, None) => format!("{name}("),
    }
}

/// Whether `name` is a word, and no operator.
pub(crate) fn is_identifier(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
}
