//! `docs/performance.md`: what people wrote there stays, what was measured is replaced.

use std::{fmt::Write as _, fs, path::PathBuf};

use anyhow::{Context as _, ensure};

use super::{
    machine::{self, Machine},
    report::Report,
};
use crate::root;

/// Before and after what was measured.
const START: &str = "<!-- measured -->\n";
const END: &str = "<!-- end of measured -->\n";

/// What packages are made with; figures of anything else say nothing about them.
const PROFILE: &str = "dist";

/// The page, apart from what was measured.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    before: String,
    after: String,
}

impl Page {
    /// Reads it, before anything is measured in vain.
    pub(crate) fn open(profile: &str) -> anyhow::Result<Self> {
        ensure!(
            profile == PROFILE,
            "only figures of the profile `{PROFILE}` are written"
        );
        let text = fs::read_to_string(path())?;
        Self::of(&text).context("the page has no place for what was measured")
    }

    fn of(text: &str) -> Option<Self> {
        let (before, rest) = text.split_once(START)?;
        let (_, after) = rest.split_once(END)?;
        Some(Self {
            before: before.to_owned(),
            after: after.to_owned(),
        })
    }

    /// Puts `reports` in the place of what was measured before.
    pub(crate) fn write(&self, machine: &Machine, reports: &[Report]) -> anyhow::Result<()> {
        fs::write(path(), self.with(machine, reports))?;
        Ok(())
    }

    fn with(&self, machine: &Machine, reports: &[Report]) -> String {
        let mut measured = format!(
            "Measured with `{}` on {}, commit {}.\n\n{}",
            machine::command(),
            machine.date,
            machine.commit,
            machine.markdown()
        );
        for report in reports {
            let _ = write!(
                measured,
                "\n### {}\n\n`cargo xtask bench {}`. {}",
                report.title,
                report.name,
                report.markdown()
            );
        }
        format!("{}{START}\n{measured}\n{END}{}", self.before, self.after)
    }
}

fn path() -> PathBuf {
    root().join("docs/performance.md")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::report::Cell;

    #[test]
    fn the_page_has_a_place_for_what_is_measured() {
        assert!(Page::open(PROFILE).is_ok());
        assert!(Page::open("release").is_err());
    }

    #[test]
    fn only_what_was_measured_before_is_replaced() {
        let page = Page::of(&format!("before\n{START}old\n{END}after\n")).expect("a place");
        let machine = Machine {
            facts: vec![("processor", "2 × fast".to_owned())],
            commit: "abc".to_owned(),
            date: "2026-11-30".to_owned(),
        };
        let report = Report {
            name: "hello",
            title: "A constant answer",
            method: "Once.".to_owned(),
            columns: vec!["server", "us"],
            rows: vec![vec![Cell::text("axum"), Cell::Number(3.0, 1)]],
            goals: Vec::new(),
            notes: Vec::new(),
        };
        let text = page.with(&machine, &[report]);
        assert!(
            text.ends_with(
                " on 2026-11-30, commit abc.\n\n| machine | |\n| --- | --- |\n| processor | 2 × fast |\n\n\
                 ### A constant answer\n\n`cargo xtask bench hello`. Once.\n\n\
                 | server | us |\n| --- | ---: |\n| axum | 3.0 |\n\n<!-- end of measured -->\nafter\n"
            ),
            "{text}"
        );
        assert_eq!(Page::of(&text), Some(page), "it can be replaced again");
    }
}
