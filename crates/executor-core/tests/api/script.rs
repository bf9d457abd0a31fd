//! Checking what a script evaluates to.

use picloud_shared::{limits::Limits, outcome::ScriptErrorKind};
use serde_json::Value;

use crate::support::{request, run, run_with};

/// Checks that `source` evaluates to what `expected` does, with the same type; or fails with an error that holds
/// the text after `error: `.
#[track_caller]
pub(crate) fn check(source: &str, expected: &str) {
    if let Err(difference) = compare(source, expected) {
        panic!("{source}\n{difference}");
    }
}

/// What is different, if anything is.
pub(crate) fn compare(source: &str, expected: &str) -> Result<(), String> {
    if let Some(message) = expected.strip_prefix("error: ") {
        return match run(source).result {
            Err(error) if error.message.contains(message) => Ok(()),
            Err(error) => Err(format!(
                "fails with `{}`, which does not say `{message}`",
                error.message
            )),
            // What a client sent wrong is answered as such.
            Ok(response) if response.status.is_client_error() => {
                let body = String::from_utf8_lossy(&response.body);
                let says = body.contains(message);
                says.then_some(())
                    .ok_or_else(|| format!("answers `{body}`, which does not say `{message}`"))
            }
            Ok(_) => Err(format!("fails not, but should with `{message}`")),
        };
    }
    let both = format!(
        "let actual = {{\n{source}\n}}; let expected = {{\n{expected}\n}};
         [type_of(actual), actual.to_debug(), type_of(expected), expected.to_debug()]"
    );
    let response = run(&both)
        .result
        .map_err(|error| format!("fails with `{}`", error.message))?;
    let texts: Vec<Value> = serde_json::from_slice(&response.body).expect("an array");
    let (actual, expected) = texts.split_at(2);
    if actual == expected {
        Ok(())
    } else {
        Err(format!("gives {actual:?}, not {expected:?}"))
    }
}

/// Limits under which steps run out before time does, on any machine.
const LIMITS: Limits = Limits {
    operations_max: 1_000_000,
    cpu_ms_max: 60_000,
    timeout_ms: 120_000,
    ..Limits::DEFAULT
};

/// Checks that a script fails in that way, and that it never held much more than it may.
#[track_caller]
pub(crate) fn check_stopped(source: &str, expected: ScriptErrorKind) {
    let outcome = run_with(source, LIMITS, request());
    let kind = outcome.result.map_err(|error| error.kind).err();
    assert_eq!(kind, Some(expected), "{source}");
    let held = outcome.usage.memory_bytes_peak;
    assert!(held < 2 * LIMITS.memory_bytes_max, "{source}\nheld {held} bytes");
}
