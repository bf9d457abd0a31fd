//! Files that are made from the functions are as the functions are.

use std::{env, fs, path::Path};

use picloud_executor_core::{definitions, functions, reference_json, reference_markdown};

/// With this variable set the files are written and not compared.
const UPDATE: &str = "UPDATE_REFERENCE";

#[track_caller]
fn check_file(path: &str, expected: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if env::var_os(UPDATE).is_some() {
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(&file, expected).expect("a file");
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    let first_difference = committed
        .lines()
        .zip(expected.lines())
        .position(|(left, right)| left != right);
    assert!(
        committed == expected,
        "{path} is stale (line {}); run `{UPDATE}=1 cargo test -p picloud-executor-core --test api generated`",
        first_difference.unwrap_or_else(|| committed.lines().count().min(expected.lines().count())) + 1
    );
}

#[test]
fn reference() {
    check_file("../../docs/reference/script-api.md", &reference_markdown());
}

#[test]
fn reference_for_editors() {
    check_file("../../docs/reference/script-api.json", &reference_json());
}

#[test]
fn editor_definitions() {
    check_file("../../docs/reference/picloud.d.rhai", &definitions());
}

/// A new version of Rhai may bring functions that one call can make allocate without bound; whoever updates this
/// list looks at them first.
#[test]
fn list_of_all_functions() {
    let lines: Vec<_> = functions()
        .iter()
        .map(|function| {
            let origin = if function.is_standard { "rhai" } else { "picloud" };
            format!("{origin:8}{}\n", function.signature())
        })
        .collect();
    check_file("tests/functions.txt", &lines.concat());
}
