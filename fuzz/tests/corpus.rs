//! Every input that was kept, through the function that it was found with.

use std::{
    fs,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
};

use picloud_fuzz::{TARGETS, Target};

/// Corpora have what a target has seen so far, without what adds nothing; regressions have what broke something once.
const FOLDERS: [&str; 2] = ["corpus", "regressions"];

/// More would be corpora that were not minimised.
const FILES_MAX: usize = 2_000;
const BYTES_MAX: u64 = 2 * 1_024 * 1_024;

#[track_caller]
fn replay(name: &str) {
    let (_, target): &(_, Target) = TARGETS
        .iter()
        .find(|(known, _)| *known == name)
        .expect("a target");
    let inputs: Vec<_> = FOLDERS.iter().flat_map(|folder| files(folder, name)).collect();
    assert!(!inputs.is_empty(), "there is no corpus for {name}");
    let broken: Vec<_> = inputs
        .iter()
        .filter(|path| {
            let input = fs::read(path).expect("it can be read");
            panic::catch_unwind(AssertUnwindSafe(|| target(&input))).is_err()
        })
        .collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

fn files(folder: &str, name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(name);
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

#[test]
fn calls() {
    replay("calls");
}

#[test]
fn json() {
    replay("json");
}

#[test]
fn patterns() {
    replay("patterns");
}

#[test]
fn request() {
    replay("request");
}

#[test]
fn routing() {
    replay("routing");
}

#[test]
fn script() {
    replay("script");
}

#[test]
fn corpora_are_small() {
    let (mut count, mut bytes) = (0, 0);
    for (name, _) in TARGETS {
        for path in FOLDERS.iter().flat_map(|folder| files(folder, name)) {
            count += 1;
            bytes += path.metadata().expect("it is there").len();
        }
    }
    assert!(count <= FILES_MAX, "{count} files: minimise the corpora");
    assert!(bytes <= BYTES_MAX, "{bytes} bytes: minimise the corpora");
}
