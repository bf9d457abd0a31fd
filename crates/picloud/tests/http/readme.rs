//! The README's first script and the commands of the guides, run as they stand there.

use std::{fs, path::Path, process::Command};

use crate::harness::TestCloud;

/// Stands before the README's block.
const FIRST_SCRIPT: &str = "<!-- tested: first-script -->";
/// Stands before each block of the guides that is run.
const GUIDES: &str = "<!-- tested: guides -->";
/// The guides that have such blocks, each as many as here or more. The first one makes the app of the others.
const PAGES: [(&str, usize); 7] = [
    ("README.md", 1),
    ("config.md", 2),
    ("events.md", 4),
    ("mqtt.md", 2),
    ("schedules.md", 2),
    ("secrets.md", 2),
    ("webhooks.md", 3),
];
/// Makes every command that the server refuses end what is run.
const STRICT: &str = "set -e\ncurl() { command curl --silent --show-error --fail-with-body \"$@\"; }\n";
/// Begins a line with the expected output of what stands before it.
const EXPECTED: &str = "# -> ";

#[test]
fn the_first_script_works_as_written() {
    let block = block();
    let cloud = TestCloud::start();
    let (mut script, mut expected) = (String::new(), Vec::new());
    for line in block.lines() {
        if let Some(output) = line.strip_prefix(EXPECTED) {
            script.push_str("printf '\\n--- %s\\n' end\n");
            expected.push(output.trim());
        } else {
            script.push_str(line);
            script.push('\n');
        }
    }
    assert!(
        expected.len() >= 4,
        "only {} outputs are given:\n{block}",
        expected.len()
    );

    let (is_success, said, log) = run(&cloud, &script);
    assert!(is_success, "{said}\n{log}");
    let found: Vec<&str> = said.split("\n--- end\n").map(str::trim).collect();
    assert_eq!(found[..expected.len()], expected, "{log}");
}

#[test]
fn the_commands_of_the_guides_work_as_written() {
    let cloud = TestCloud::start();
    for (page, blocks_min) in PAGES {
        let blocks = blocks(&format!("docs/{page}"), GUIDES);
        assert!(blocks.len() >= blocks_min, "{page}: {blocks:#?}");
        let script = format!("{STRICT}{}", blocks.concat());
        let (is_success, said, log) = run(&cloud, &script);
        assert!(is_success, "{page}: {said}\n{log}");
    }
}

/// Runs it against that server; gives whether it went well, and what it printed and complained of.
fn run(cloud: &TestCloud, script: &str) -> (bool, String, String) {
    let server = format!("localhost:{}", cloud.address().port());
    let script = script.replace("localhost:8080", &server);
    let output = Command::new("bash")
        .arg("-c")
        .arg(&script)
        .current_dir(cloud.folder())
        .output();
    let output = output.expect("bash can be started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.success(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// The lines of the README's marked block.
fn block() -> String {
    let mut blocks = blocks("README.md", FIRST_SCRIPT);
    assert_eq!(blocks.len(), 1, "{blocks:#?}");
    blocks.remove(0)
}

/// The blocks of shell in a page that stand behind a mark.
fn blocks(page: &str, mark: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(page);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{page}: {error}"));
    let marked = text.split(mark).skip(1);
    let block = |rest: &str| {
        let block = rest
            .strip_prefix("\n```sh\n")
            .and_then(|rest| rest.split_once("```"));
        let (block, _) = block.unwrap_or_else(|| panic!("{page}: no shell stands behind {mark}"));
        block.to_owned()
    };
    marked.map(block).collect()
}
