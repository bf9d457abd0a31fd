//! Links between the documents of this repository, and what its map names, lead somewhere.

use std::{
    fs,
    path::{Path, PathBuf},
};

#[test]
fn links_to_files_of_the_repository_exist() {
    let root = super::root();
    let mut documents = Vec::new();
    collect(&root, &mut documents);
    assert!(
        documents.iter().any(|path| path.ends_with("README.md")),
        "{documents:?}"
    );
    let mut broken = Vec::new();
    for document in &documents {
        let text = fs::read_to_string(document).expect("the document can be read");
        let folder = document.parent().expect("a folder");
        for target in links(&text) {
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !folder.join(file).exists() {
                broken.push(format!(
                    "{}: {target}",
                    document.strip_prefix(&root).unwrap_or(document).display()
                ));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// A map that leads nowhere is worse than none.
#[test]
fn files_that_the_architecture_names_exist() {
    let root = super::root();
    let map = fs::read_to_string(root.join("ARCHITECTURE.md")).expect("the document can be read");
    let crates = root.join("crates");
    let is_in_a_crate = |code: &&str| {
        code.split_once('/')
            .is_some_and(|(first, _)| !first.is_empty() && crates.join(first).is_dir())
    };
    let named: Vec<String> = map
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(is_in_a_crate)
        .flat_map(alternatives)
        .collect();
    assert!(named.len() > 100, "only {} were found", named.len());
    let missing: Vec<_> = named.iter().filter(|name| !crates.join(name).exists()).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

/// `a/{b,c}` names two files.
fn alternatives(name: &str) -> Vec<String> {
    let Some((before, rest)) = name.split_once('{') else {
        return vec![name.to_owned()];
    };
    let (choices, after) = rest.split_once('}').unwrap_or((rest, ""));
    choices
        .split(',')
        .map(|choice| format!("{before}{choice}{after}"))
        .collect()
}

/// The targets of links such as `[text](target)` that are not URLs, outside of what is shown as code.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("```").step_by(2);
    let targets = prose
        .flat_map(|prose| prose.split("](").skip(1))
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target);
    targets.filter(|target| {
        !target.contains("://")
            && !target.starts_with("mailto:")
            && !target.starts_with('/')
            && !target.contains(' ')
    })
}

/// Documents, but not those of other projects that builds put here.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be listed") {
        let path = entry.expect("the entry can be read").path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "node_modules", "picloud-data"].contains(&name.as_str())
            {
                collect(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}
