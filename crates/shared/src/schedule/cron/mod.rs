//! Patterns of cron: `30 2 * * MON-FRI`, with the second in front if there are six fields.
//!
//! Reading order: `field` (one field as a set of numbers), `days` (which days of a month), `times` (which seconds of a
//! day), `error`. Everything here is about the clock on the wall; what its changes mean is said in `super::wall`.

mod days;
mod error;
mod field;
mod times;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use self::{days::Days, times::Times};
pub use self::{
    error::{CronField, FieldProblem, InvalidCron},
    field::NICKNAMES,
};

/// Longest pattern in bytes.
pub const CRON_BYTES_MAX: usize = 256;

/// Years within which each day that there can ever be comes at least once: a fifth Monday of a February comes every 28
/// years, or after 40 if one of them ends a century.
pub(super) const YEARS_WITHOUT_MAX: i16 = 48;

/// When something is due, in terms of the clock on the wall.
#[derive(Clone, Debug)]
pub struct CronPattern {
    text: String,
    times: Times,
    days: Days,
}

impl CronPattern {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether second, minute and hour are numbers or lists of numbers. With `*`, a range or a step in one of them
    /// the pattern is about an interval, and meets a change of the clock in another way.
    pub fn is_at_fixed_times(&self) -> bool {
        self.times.are_fixed()
    }

    /// The first moment at or after `from` that the pattern names; both are seconds since 1970 as a clock on the wall
    /// counts them. Looks 48 years ahead, which is enough for every pattern that names any moment.
    pub(super) fn next_on_wall(&self, from: i64) -> Option<i64> {
        let day = from.div_euclid(times::SECONDS_PER_DAY);
        let second = from.rem_euclid(times::SECONDS_PER_DAY);
        let today = self.days.next(day).filter(|found| *found == day);
        if let Some(time) = today.and_then(|_| self.times.next(second)) {
            return Some(day * times::SECONDS_PER_DAY + time);
        }
        let later = self.days.next(day.checked_add(1)?)?;
        Some(later * times::SECONDS_PER_DAY + self.times.next(0)?)
    }
}

impl FromStr for CronPattern {
    type Err = InvalidCron;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > CRON_BYTES_MAX {
            return Err(InvalidCron::TooLong);
        }
        let fields = field::split(text)?;
        let pattern = Self {
            text: text.split_whitespace().collect::<Vec<_>>().join(" "),
            times: Times::parse(&fields)?,
            days: Days::parse(&fields)?,
        };
        if pattern.days.next(0).is_none() {
            return Err(InvalidCron::Never);
        }
        Ok(pattern)
    }
}

impl fmt::Display for CronPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for CronPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for CronPattern {}

impl Serialize for CronPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for CronPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
