//! The reference that editors read.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{
    catalogue::{ScriptFunction, functions},
    markdown::{Section, heading},
};

/// The functions that a script may call, as JSON: PiCloud's with what is to be read about them, and those of Rhai
/// that have a name, with the first paragraph.
pub fn reference_json() -> String {
    let mut seen = HashSet::new();
    let all = functions();
    // Those of PiCloud first: of two that look alike they say more.
    let (ours, standard): (Vec<_>, Vec<_>) = all.into_iter().partition(|function| !function.is_standard);
    let lines: Vec<_> = ours
        .iter()
        .chain(&standard)
        .map(entry)
        .filter(|entry| is_word(&entry["name"]))
        .filter(|entry| {
            seen.insert((
                entry["on"].to_string(),
                entry["module"].to_string(),
                entry["name"].to_string(),
            ))
        })
        .map(|entry| entry.to_string())
        .collect();
    format!("{{\"functions\":[\n{}\n]}}\n", lines.join(",\n"))
}

fn entry(function: &ScriptFunction) -> Value {
    let section = match Section::of(function) {
        // Rhai's own are called either way; authors write them as methods.
        Section::Function if function.is_standard => match function.params.first() {
            Some((_, kind)) => Section::Method(kind.clone()),
            None => Section::Function,
        },
        section => section,
    };
    let (kind, name) = match function.name.split_once('$') {
        Some((_, property)) => ("property", property),
        None if matches!(section, Section::Method(_)) => ("method", &*function.name),
        None => ("function", &*function.name),
    };
    let on = match &section {
        Section::Method(kind) => Some(kind),
        _ => None,
    };
    let docs = if function.is_standard {
        function.docs.split("\n\n").next().unwrap_or_default()
    } else {
        &*function.docs
    };
    json!({
        "module": function.module,
        "name": name,
        "kind": kind,
        "on": on,
        "signature": heading(&section, function),
        "docs": docs,
    })
}

/// Whether it can be typed as a name. Operators cannot.
fn is_word(name: &Value) -> bool {
    let name = name.as_str().unwrap_or_default();
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}
