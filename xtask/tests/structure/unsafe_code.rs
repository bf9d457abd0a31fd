//! Code that the compiler cannot vouch for stays where it is argued for.

use std::fs;

/// Where it may be, under the workspace's folder.
const ALLOWED: [&str; 2] = [
    "crates/executor-core/src/coroutine/",
    "crates/executor-core/src/allocator.rs",
];

#[test]
fn it_is_only_in_the_coroutine_and_the_allocator() {
    let root = super::root();
    let mut seen = 0;
    for path in super::sources() {
        let source = fs::read_to_string(&path).expect("the source can be read");
        let name = path
            .strip_prefix(&root)
            .expect("the source is in the workspace")
            .to_string_lossy();
        for (index, line) in source.lines().enumerate().filter(|(_, line)| is_unsafe(line)) {
            let allowed = ALLOWED.iter().any(|place| name.starts_with(place));
            assert!(allowed, "{name}:{}: {}", index + 1, line.trim());
            seen += 1;
        }
    }
    assert!(seen > 0, "none was found; is the search broken?");
}

const KEYWORD: &str = "unsafe";

/// Whether the line has the keyword, followed by what it applies to.
fn is_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    code.match_indices(KEYWORD).any(|(at, word)| {
        let rest = code[at + word.len()..].trim_start();
        ["{", "fn ", "impl ", "impl<", "trait ", "extern "]
            .iter()
            .any(|next| rest.starts_with(next))
    })
}

#[test]
fn the_search_finds_it() {
    for line in [
        "WORD { x() }",
        "pub WORD fn f()",
        "WORD impl Send for X {}",
        "let x = WORD { *p };",
    ] {
        assert!(is_unsafe(&line.replace("WORD", KEYWORD)), "{line}");
    }
    for line in ["// WORD { x() }", "WORD_code = \"deny\"", "let word = \"WORD\";"] {
        assert!(!is_unsafe(&line.replace("WORD", KEYWORD)), "{line}");
    }
}
