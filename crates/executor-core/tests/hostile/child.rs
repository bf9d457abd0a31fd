//! The process that cases are run in.
//!
//! It reads the number of a case from each line of its input, and answers with a line: what is wrong, or nothing.

use std::io::{self, Write as _};

use crate::{case::Case, examine::Bench};

/// Runs the cases that it is given, until there are no more.
pub(crate) fn run(cases: &[Case]) {
    let bench = Bench::new();
    let mut out = io::stdout();
    for line in io::stdin().lines() {
        let index: usize = line.expect("a line").parse().expect("a number");
        let wrong = bench.examine(&cases[index]).err().unwrap_or_default();
        writeln!(out, "{}", wrong.replace('\n', "\\n")).expect("the parent reads");
        out.flush().expect("the parent reads");
    }
}
