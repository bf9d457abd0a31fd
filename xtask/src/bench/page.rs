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

/// The page as it was before.
pub(crate) struct Page {
    path: PathBuf,
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
        let path = root().join("docs/performance.md");
        let text = fs::read_to_string(&path)?;
        let parts = text
            .split_once(START)
            .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
        let (before, after) = parts.context("the page has no place for what was measured")?;
        Ok(Self {
            before: before.to_owned(),
            after: after.to_owned(),
            path,
        })
    }

    /// Puts `reports` in the place of what was measured before.
    pub(crate) fn write(&self, machine: &Machine, reports: &[Report]) -> anyhow::Result<()> {
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
        let text = format!("{}{START}\n{measured}\n{END}{}", self.before, self.after);
        fs::write(&self.path, text)?;
        Ok(())
    }
}
