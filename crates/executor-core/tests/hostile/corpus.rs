//! All cases.

use std::{collections::HashSet, fs, path::Path};

use picloud_shared::limits::Limits;

use crate::{
    case::{Case, LIMITS},
    generated,
};

/// How many there must be at least.
const CASES_MIN: usize = 300;

/// What a case begins with, in a file of scripts: `//= name: verdict`, or with limits of its own
/// `//= name: verdict (cpu_ms_max=100)`.
const HEAD: &str = "//= ";

/// Every case, always in the same order. Their names are told apart.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/scripts");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the folder can be read")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    for file in files {
        let topic = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).expect("the file can be read");
        cases.extend(in_file(&topic, &text));
    }
    cases.extend(generated::cases());
    let names: HashSet<_> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len(), "two cases have the same name");
    assert!(cases.len() >= CASES_MIN, "there are only {} cases", cases.len());
    cases
}

fn in_file(topic: &str, text: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let (_, text) = text
        .split_once(HEAD)
        .unwrap_or_else(|| panic!("{topic}: no case"));
    for section in text.split(&format!("\n{HEAD}")) {
        let (head, source) = section.split_once('\n').unwrap_or((section, ""));
        let (name, verdicts) = head
            .split_once(": ")
            .unwrap_or_else(|| panic!("{topic}: no verdict in `{head}`"));
        let (verdicts, limits) = verdicts.split_once(" (").unwrap_or((verdicts, ""));
        let case = Case::new(format!("{topic}/{name}"), verdicts, source.trim_end());
        cases.push(case.within(limits_of(limits.trim_end_matches(')'))));
    }
    cases
}

/// The usual limits with changes such as `timeout_ms=50, cpu_ms_max=10`.
fn limits_of(changes: &str) -> Limits {
    let mut limits = serde_json::to_value(LIMITS).expect("limits are numbers");
    for change in changes.split(", ").filter(|change| !change.is_empty()) {
        let (name, number) = change.split_once('=').expect("name=number");
        let number: u64 = number.parse().expect("a number");
        limits[name] = number.into();
    }
    serde_json::from_value(limits).unwrap_or_else(|error| panic!("{changes}: {error}"))
}
