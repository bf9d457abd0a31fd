//! What is switched on in crates from outside. A feature that any crate asks for counts for all.

use cargo_metadata::Metadata;

fn features(metadata: &Metadata, name: &str) -> Vec<String> {
    let resolve = metadata.resolve.as_ref().expect("cargo resolves dependencies");
    let ids: Vec<_> = metadata
        .packages
        .iter()
        .filter(|package| package.name.as_str() == name)
        .map(|package| &package.id)
        .collect();
    assert_eq!(ids.len(), 1, "{name} is there in {} versions", ids.len());
    let node = resolve
        .nodes
        .iter()
        .find(|node| node.id == *ids[0])
        .expect("it is resolved");
    node.features.iter().map(ToString::to_string).collect()
}

#[test]
fn rhai_is_neither_sync_nor_unchecked() {
    let features = features(&super::metadata(), "rhai");
    for (forbidden, reason) in [
        (
            "sync",
            "it is slower, and blocks a thread for 10 ms when two meet",
        ),
        ("unchecked", "it removes every limit"),
        ("f32_float", "it changes what numbers scripts have"),
        ("only_i32", "it changes what numbers scripts have"),
    ] {
        assert!(
            !features.iter().any(|feature| feature == forbidden),
            "rhai has `{forbidden}`: {reason}"
        );
    }
    assert!(
        features.iter().any(|feature| feature == "only_i64"),
        "{features:?}"
    );
}

#[test]
fn nothing_drags_in_another_tls_or_allocator() {
    let metadata = super::metadata();
    for package in &metadata.packages {
        let name = package.name.as_str();
        let forbidden = [
            "openssl",
            "openssl-sys",
            "native-tls",
            "aws-lc-rs",
            "aws-lc-sys",
            "tikv-jemallocator",
            "jemalloc-sys",
        ];
        assert!(!forbidden.contains(&name), "{name} is among the dependencies");
    }
}

#[test]
fn sqlite_is_one_that_keeps_what_it_wrote() {
    let metadata = super::metadata();
    let sqlite = metadata
        .packages
        .iter()
        .find(|package| package.name.as_str() == "libsqlite3-sys")
        .expect("sqlite is bundled");
    let fixed = (0, 37);
    let found = (sqlite.version.major, sqlite.version.minor);
    assert!(
        found >= fixed,
        "libsqlite3-sys {} bundles a SQLite before 3.51.3, which can lose writes in WAL mode",
        sqlite.version
    );
}
