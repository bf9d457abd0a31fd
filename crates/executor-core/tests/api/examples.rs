//! Every function has an example, and every example is true.

use picloud_executor_core::functions;

use crate::script::compare;

#[test]
fn every_function_has_an_example() {
    let own = functions().into_iter().filter(|function| !function.is_standard);
    let without: Vec<_> = own
        .filter(|function| !function.example().iter().any(|line| line.contains("//=>")))
        .map(|function| function.signature())
        .collect();
    assert!(
        without.is_empty(),
        "no ```rhai block with `value //=> result` in the docs of {without:#?}"
    );
}

#[test]
fn every_example_is_true() {
    let mut wrong = Vec::new();
    for function in functions() {
        for (source, expected) in claims(&function.example()) {
            if let Err(difference) = compare(&source, &expected) {
                wrong.push(format!("{}\n{source}\n{difference}", function.signature()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// What the lines of an example claim: a script, and what it evaluates to. A line without a claim belongs to those
/// after it; a claim on a line of its own is about the line before.
fn claims(example: &[&str]) -> Vec<(String, String)> {
    let mut claims = Vec::new();
    let mut before = String::new();
    for line in example {
        match line.split_once("//=>") {
            Some((source, expected)) if source.trim().is_empty() => {
                claims.push((std::mem::take(&mut before), expected.trim().to_owned()));
            }
            Some((source, expected)) => {
                claims.push((format!("{before}{}", source.trim()), expected.trim().to_owned()));
            }
            None => {
                before.push_str(line);
                before.push('\n');
            }
        }
    }
    claims
}
