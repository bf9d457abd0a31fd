//! When something is due: by a pattern of cron in a time zone, at intervals, or once; and what is done about what is due.
//!
//! All of it is pure: the present moment is handed in, nothing is remembered. Reading order: [`Schedule`], `zone`,
//! `cron` (patterns, by the clock on the wall), `wall` (what a change of that clock means), `search` (many
//! occurrences, or the last one), then `policy` (what the owner wants), `ledger` (what became of each occurrence) and
//! `plan` (which decides that).

mod cron;
mod ledger;
mod plan;
mod policy;
mod search;
mod wall;
mod zone;

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

pub use self::{
    cron::{CRON_BYTES_MAX, CronField, CronPattern, FieldProblem, InvalidCron, NICKNAMES},
    ledger::{Entry, Fate, MissedWhy, SkippedWhy},
    plan::{Plan, ROWS_MAX, ROWS_OF_LONG_AGO_MAX, Standing, after_run, plan},
    policy::{
        CAUGHT_UP_MAX, InvalidPolicy, MAX_AGE_S_DEFAULT, MAX_AGE_S_MAX, Missed, ON_TIME_S, Overlap, Policy,
        RUNNING_MAX,
    },
    zone::{NoSuchZone, Zone},
};
use crate::time::Timestamp;

/// Longest interval in seconds: a year.
pub const EVERY_S_MAX: u32 = 366 * 24 * 60 * 60;

/// When something is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// When the clock on the wall of a time zone shows what the pattern names.
    Cron {
        /// What the clock has to show.
        pattern: CronPattern,
        /// Where it hangs.
        #[serde(default)]
        zone: Zone,
    },
    /// At `anchor` and every so many seconds after it, whatever clocks on walls show.
    Every {
        /// The length of the interval.
        seconds: EverySeconds,
        /// The first occurrence.
        anchor: Timestamp,
    },
    /// Once.
    At {
        /// The only occurrence.
        at: Timestamp,
    },
}

/// The length of an interval: from one second to a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u32")]
pub struct EverySeconds(NonZeroU32);

/// No length of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an interval has from 1 to {EVERY_S_MAX} seconds")]
pub struct InvalidInterval;

impl EverySeconds {
    /// In seconds.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl TryFrom<u64> for EverySeconds {
    type Error = InvalidInterval;

    fn try_from(seconds: u64) -> Result<Self, InvalidInterval> {
        let seconds = u32::try_from(seconds).map_err(|_| InvalidInterval)?;
        let seconds = NonZeroU32::new(seconds).filter(|seconds| seconds.get() <= EVERY_S_MAX);
        seconds.map(Self).ok_or(InvalidInterval)
    }
}

impl From<EverySeconds> for u32 {
    fn from(seconds: EverySeconds) -> Self {
        seconds.get()
    }
}

impl Schedule {
    /// The first occurrence after `moment`. There is none after the last one, nor for a pattern that a zone never
    /// shows, as far as 48 years ahead.
    pub fn next_after(&self, moment: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Cron { pattern, zone } => wall::next_after(pattern, zone, moment),
            Self::Every { seconds, anchor } => search::next_of_interval(*anchor, *seconds, moment),
            Self::At { at } => (*at > moment).then_some(*at),
        }
    }
}

#[cfg(test)]
mod tests;
