//! A file that no module declares would never run, and nobody would notice.

use std::{
    fs,
    path::{Path, PathBuf},
};

#[test]
fn every_file_here_is_a_module() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/http");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(
        files.len() > 30,
        "only {} files were found in {}",
        files.len(),
        root.display()
    );
    for file in files {
        let is_table = file.file_name().is_some_and(|name| name == "mod.rs");
        let module = if is_table {
            file.parent().expect("a folder")
        } else {
            file.as_path()
        };
        let name = module.file_stem().expect("a name").to_string_lossy();
        let folder = module.parent().expect("a folder");
        let table = if folder == root {
            folder.join("main.rs")
        } else {
            folder.join("mod.rs")
        };
        let declared = fs::read_to_string(&table)
            .unwrap_or_default()
            .lines()
            .any(|line| line.trim_start_matches("pub(crate) ") == format!("mod {name};"));
        assert!(
            declared,
            "{} is not declared in {}",
            file.display(),
            table.display()
        );
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be listed") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("main.rs") {
            files.push(path);
        }
    }
}
