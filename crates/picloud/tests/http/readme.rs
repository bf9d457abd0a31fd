//! The README's first script, run line by line as it stands there.

use std::{fs, path::Path, process::Command};

use crate::harness::TestCloud;

/// Stands before each block that is run.
const MARK: &str = "<!-- tested: first-script -->";
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

    let server = format!("http://localhost:{}", cloud.address().port());
    let script = script.replace("http://localhost:8080", &server);
    let output = Command::new("bash")
        .arg("-c")
        .arg(&script)
        .current_dir(cloud.folder())
        .output();
    let output = output.expect("bash can be started");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}\n{log}");
    let found: Vec<&str> = said.split("\n--- end\n").map(str::trim).collect();
    assert_eq!(found[..expected.len()], expected, "{log}");
}

/// The lines of the marked block.
fn block() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = fs::read_to_string(&path).expect("the README can be read");
    let (_, after) = readme.split_once(MARK).expect("the README has a marked block");
    let (_, block) = after.split_once("```sh\n").expect("the block is shell");
    let (block, _) = block.split_once("```").expect("the block ends");
    block.to_owned()
}
