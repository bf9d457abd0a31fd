//! Runs commands, shows what they print, and sums up.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context as _;

use super::part::Part;

/// What came of each part.
#[derive(Debug, Default)]
pub(crate) struct Report {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    part: Part,
    counts: Counts,
    time: Duration,
}

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
}

impl Report {
    /// Runs `command` as a step of `part`.
    #[expect(
        clippy::print_stdout,
        reason = "what the tests print is what the caller wants to see"
    )]
    pub(crate) fn run(&mut self, part: Part, mut command: Command) -> anyhow::Result<()> {
        println!("\n== {}: {}", part.name(), shown(&command));
        let start = Instant::now();
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run cargo")?;
        let output = child.stdout.take().context("no standard output")?;
        let mut counts = Counts::default();
        for line in BufReader::new(output).lines() {
            let line = line?;
            counts.add(Counts::read(&line));
            println!("{line}");
        }
        let status = child.wait()?;
        if !status.success() && counts.failed == 0 {
            // Something else than a test failed, such as the compiler.
            counts.failed = 1;
        }
        let time = start.elapsed();
        println!(
            "== {}: {} in {:.1} s",
            part.name(),
            counts.verdict(),
            time.as_secs_f64()
        );
        match self.lines.last_mut().filter(|line| line.part == part) {
            Some(line) => {
                line.counts.add(counts);
                line.time += time;
            }
            None => self.lines.push(Line { part, counts, time }),
        }
        Ok(())
    }

    /// Prints the summary; its last line is the sum.
    #[expect(clippy::print_stdout, reason = "the summary is the result")]
    pub(crate) fn finish(self) -> ExitCode {
        println!("\n{:<26} {:>8} {:>8} {:>10}", "", "passed", "failed", "time");
        let mut sum = Counts::default();
        for Line { part, counts, time } in &self.lines {
            println!(
                "{:<26} {:>8} {:>8} {:>8.1} s",
                part.name(),
                counts.passed,
                counts.failed,
                time.as_secs_f64()
            );
            sum.add(*counts);
        }
        println!("\n{} passed, {} failed", sum.passed, sum.failed);
        if sum.failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

impl Counts {
    /// What a line such as `test result: ok. 12 passed; 0 failed; …` says, or vitest's `Tests  1 failed | 12 passed
    /// (13)`; nothing for any other line.
    fn read(line: &str) -> Self {
        let of_vitest = || line.trim_start().strip_prefix("Tests  ");
        let of_cargo = line.split_once("test result: ").map(|(_, result)| result);
        let Some(result) = of_cargo.or_else(of_vitest) else {
            return Self::default();
        };
        let number = |word: &str| {
            let (before, _) = result.split_once(word)?;
            before.trim_end().rsplit(' ').next()?.parse().ok()
        };
        Self {
            passed: number("passed").unwrap_or(0),
            failed: number("failed").unwrap_or(0),
        }
    }

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    fn verdict(self) -> &'static str {
        if self.failed == 0 { "passed" } else { "FAILED" }
    }
}

/// The command as one would type it.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_from_what_the_tests_print() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.05s";
        assert_eq!(
            Counts::read(line),
            Counts {
                passed: 12,
                failed: 3
            }
        );
        assert_eq!(Counts::read("test harness::works ... ok"), Counts::default());
        assert_eq!(Counts::read("5 passed"), Counts::default());
        assert_eq!(
            Counts::read("      Tests  2 failed | 13 passed (15)"),
            Counts {
                passed: 13,
                failed: 2
            }
        );
    }
}
