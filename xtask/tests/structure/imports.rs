//! Who imports whom. What tests alone import is free.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Package};

/// Each crate of the workspace, and the crates of the workspace that it imports. Services never import each
/// other: they meet in the traits of `picloud-shared`.
const CRATES: [(&str, &[&str]); 10] = [
    ("picloud-shared", &[]),
    ("picloud-store", &["picloud-shared"]),
    ("picloud-egress", &["picloud-shared"]),
    ("picloud-executor-core", &["picloud-shared"]),
    ("picloud-orchestrator-core", &["picloud-shared"]),
    ("picloud-manager-core", &["picloud-shared"]),
    (
        "picloud",
        &[
            "picloud-egress",
            "picloud-executor-core",
            "picloud-manager-core",
            "picloud-orchestrator-core",
            "picloud-shared",
            "picloud-store",
        ],
    ),
    ("picloud-bench-baseline", &[]),
    (
        "picloud-fuzz",
        &[
            "picloud-executor-core",
            "picloud-orchestrator-core",
            "picloud-shared",
        ],
    ),
    ("xtask", &[]),
];

/// Crates from outside that only one crate of the workspace may import.
const RESERVED: [(&str, &str); 9] = [
    ("rhai", "picloud-executor-core"),
    ("corosensei", "picloud-executor-core"),
    ("sqlx", "picloud-store"),
    ("libsqlite3-sys", "picloud-store"),
    ("rusqlite", "picloud-store"),
    ("tokio-postgres", "picloud-store"),
    ("argon2", "picloud-manager-core"),
    ("tokio-rustls", "picloud-egress"),
    ("webpki-roots", "picloud-egress"),
];

fn imports(package: &Package) -> impl Iterator<Item = &str> {
    let counts = |kind| matches!(kind, DependencyKind::Normal | DependencyKind::Build);
    package
        .dependencies
        .iter()
        .filter(move |dependency| counts(dependency.kind))
        .map(|dependency| dependency.name.as_str())
}

#[test]
fn crates_import_what_the_table_allows() {
    let metadata = super::metadata();
    let members: BTreeSet<&str> = metadata
        .workspace_packages()
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let actual: BTreeMap<&str, BTreeSet<&str>> = metadata
        .workspace_packages()
        .into_iter()
        .map(|package| {
            (
                package.name.as_str(),
                imports(package).filter(|name| members.contains(name)).collect(),
            )
        })
        .collect();
    let allowed: BTreeMap<&str, BTreeSet<&str>> = CRATES
        .iter()
        .map(|(name, imports)| (*name, imports.iter().copied().collect()))
        .collect();
    assert_eq!(actual, allowed);
}

#[test]
fn engine_and_database_stay_in_their_crates() {
    let metadata = super::metadata();
    let mut seen = 0;
    for package in metadata.workspace_packages() {
        for import in imports(package) {
            if let Some((_, owner)) = RESERVED.iter().find(|(name, _)| *name == import) {
                assert_eq!(package.name.as_str(), *owner, "{} imports {import}", package.name);
                seen += 1;
            }
        }
    }
    assert!(
        seen >= 4,
        "only {seen} of the reserved crates are in use; is the table out of date?"
    );
}

#[test]
fn shared_does_no_input_or_output() {
    let metadata = super::metadata();
    let shared = metadata
        .workspace_packages()
        .into_iter()
        .find(|package| package.name.as_str() == "picloud-shared");
    let shared = shared.expect("the workspace has picloud-shared");
    for import in imports(shared) {
        let forbidden = ["tokio", "hyper", "axum", "reqwest", "ureq", "getrandom"].contains(&import);
        assert!(!forbidden, "picloud-shared imports {import}");
    }
}
