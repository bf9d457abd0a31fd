//! The programs of `bench/cpu` give the answers that they name.

use std::{fs, path::Path};

use picloud_shared::{invocation::ScriptRequest, limits::Limits};

use crate::support::{request, run_with};

/// Time enough, because tests run without optimisation and beside each other.
const LIMITS: Limits = Limits {
    cpu_ms_max: Limits::CAPS.cpu_ms_max,
    timeout_ms: Limits::CAPS.timeout_ms,
    ..Limits::DEFAULT
};

#[test]
fn each_program_gives_its_answer() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/cpu");
    let mut programs = 0;
    for entry in fs::read_dir(folder).expect("the programs are there") {
        let path = entry.expect("an entry").path();
        let source = fs::read_to_string(&path).expect("the program can be read");
        let expected = source.lines().find_map(|line| line.strip_prefix("//=> "));
        let request = ScriptRequest {
            uri: "/?name=Ada".parse().expect("a path"),
            ..request()
        };
        let response = run_with(&source, LIMITS, request)
            .result
            .unwrap_or_else(|error| panic!("{}\n{error:#?}", path.display()));
        let answer = String::from_utf8_lossy(&response.body);
        assert_eq!(Some(&*answer), expected, "{}", path.display());
        programs += 1;
    }
    assert!(programs >= 12, "only {programs} programs were found");
}
