//! Which seconds of a day a pattern names.

use super::{
    error::InvalidCron,
    field::{Fields, Written},
};

pub(super) const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// Hours, minutes and seconds, each as a set of bits that is not empty.
#[derive(Clone, Debug)]
pub(super) struct Times {
    seconds: u64,
    minutes: u64,
    hours: u64,
    fixed: bool,
}

impl Times {
    pub(super) fn parse(fields: &Fields<'_>) -> Result<Self, InvalidCron> {
        let seconds = fields.second.map_or(Ok(1), Written::numbers)?;
        let written = [fields.second, Some(fields.minute), Some(fields.hour)];
        Ok(Self {
            seconds,
            minutes: fields.minute.numbers()?,
            hours: fields.hour.numbers()?,
            fixed: written
                .into_iter()
                .flatten()
                .all(|field| !field.text.contains(['*', '-', '/'])),
        })
    }

    /// Whether each is a number or a list of numbers.
    pub(super) fn are_fixed(&self) -> bool {
        self.fixed
    }

    /// The first second of a day, at or after `from`.
    pub(super) fn next(&self, from: i64) -> Option<i64> {
        let (hour, minute, second) = (from / 3_600, from / 60 % 60, from % 60);
        let first_minute = first(self.minutes, 0)?;
        let first_second = first(self.seconds, 0)?;
        if self.hours & bit(hour) != 0 {
            let here = first(self.seconds, second).filter(|_| self.minutes & bit(minute) != 0);
            if let Some(second) = here {
                return Some(hour * 3_600 + minute * 60 + second);
            }
            if let Some(minute) = first(self.minutes, minute + 1) {
                return Some(hour * 3_600 + minute * 60 + first_second);
            }
        }
        let hour = first(self.hours, hour + 1)?;
        Some(hour * 3_600 + first_minute * 60 + first_second)
    }
}

fn bit(number: i64) -> u64 {
    u32::try_from(number)
        .ok()
        .and_then(|number| 1_u64.checked_shl(number))
        .unwrap_or(0)
}

/// The smallest number of a set that is at least `from`.
fn first(set: u64, from: i64) -> Option<i64> {
    let from = u32::try_from(from).ok()?;
    let rest = set.checked_shr(from).filter(|rest| *rest != 0)?;
    Some(i64::from(from + rest.trailing_zeros()))
}
