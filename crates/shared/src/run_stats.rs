//! Runs in numbers: how many ended how, and how long they took.

use std::{collections::BTreeMap, ops::AddAssign};

use crate::{durations::Durations, execution::ExecutionStatus, time::Timestamp};

/// All runs of a span of time, recorded or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunStats {
    /// How many ended like this; a status that is missing is that of none.
    pub counts: BTreeMap<ExecutionStatus, u64>,
    /// How long they took, as far as that is known: of runs that were counted by earlier versions only the number is.
    pub durations: Durations,
}

impl RunStats {
    /// How many ended like this.
    pub fn count(&self, status: ExecutionStatus) -> u64 {
        self.counts.get(&status).copied().unwrap_or_default()
    }
}

impl AddAssign<&Self> for RunStats {
    fn add_assign(&mut self, more: &Self) {
        for (status, runs) in &more.counts {
            *self.counts.entry(*status).or_default() += runs;
        }
        self.durations += &more.durations;
    }
}

/// What an app did lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// When its last run began that is known of.
    pub last_run_at: Option<Timestamp>,
    /// How many runs ended.
    pub runs: u64,
    /// How many of them with an error, or beyond a limit.
    pub errors: u64,
}

/// A stretch of time in slots of the same length, which begin with whole minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    /// Minutes from 1970 to the first.
    pub first_minute: i64,
    /// How long each is, in minutes; at least one.
    pub minutes: i64,
    /// How many.
    pub count: usize,
}

impl Slots {
    /// At most `count_max` slots from `since` to `until`, both rounded up to whole minutes; so that a day until now has
    /// as many minutes as any, and this one is among them.
    pub fn over(since: Timestamp, until: Timestamp, count_max: usize) -> Self {
        let end_minute = minute_after(until);
        let first_minute = minute_after(since).min(end_minute - 1);
        let minutes_in_all = end_minute - first_minute;
        let count_max = i64::try_from(count_max).unwrap_or(i64::MAX).max(1);
        let minutes = minutes_in_all / count_max + i64::from(minutes_in_all % count_max > 0);
        let count = minutes_in_all / minutes + i64::from(minutes_in_all % minutes > 0);
        Self {
            first_minute,
            minutes,
            count: usize::try_from(count).unwrap_or(1),
        }
    }

    /// When the slot with this index begins.
    pub fn start(&self, index: usize) -> Timestamp {
        let index = i64::try_from(index).unwrap_or(i64::MAX);
        let minute = self
            .first_minute
            .saturating_add(self.minutes.saturating_mul(index));
        minute_start(minute)
    }

    /// Minutes from 1970 to the end of the last.
    pub fn end_minute(&self) -> i64 {
        let count = i64::try_from(self.count).unwrap_or(i64::MAX);
        self.first_minute
            .saturating_add(self.minutes.saturating_mul(count))
    }
}

const MICROS_PER_MINUTE: i64 = 60_000_000;

/// The minute that a moment lies in, from 1970 on. Runs are counted by it.
pub fn minute(moment: Timestamp) -> i64 {
    moment.as_micros().div_euclid(MICROS_PER_MINUTE)
}

/// When a minute begins.
pub fn minute_start(minute: i64) -> Timestamp {
    Timestamp::from_micros(minute.saturating_mul(MICROS_PER_MINUTE))
}

/// The first minute that begins at or after a moment.
fn minute_after(moment: Timestamp) -> i64 {
    minute(moment) + i64::from(moment.as_micros().rem_euclid(MICROS_PER_MINUTE) > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(minutes: i64, micros: i64) -> Timestamp {
        Timestamp::from_micros(minutes * MICROS_PER_MINUTE + micros)
    }

    #[test]
    fn slots_are_never_too_many() {
        for (since, until, count_max, expected) in [
            (moment(100, 0), moment(160, 0), 60, (100, 1, 60)),
            (moment(100, 1), moment(160, 1), 60, (101, 1, 60)),
            (moment(100, 59), moment(100, 60), 60, (100, 1, 1)),
            (moment(-5, 0), moment(5, 0), 3, (-5, 4, 3)),
            (moment(0, 0), moment(1_440, 0), 60, (0, 24, 60)),
            (moment(0, 0), moment(100, 0), 1, (0, 100, 1)),
        ] {
            let slots = Slots::over(since, until, count_max);
            assert_eq!((slots.first_minute, slots.minutes, slots.count), expected);
            assert!(until <= moment(slots.end_minute(), 0));
        }
    }

    #[test]
    fn all_of_time_can_be_asked_for() {
        let (first, last) = (Timestamp::from_micros(i64::MIN), Timestamp::from_micros(i64::MAX));
        for count_max in [1, 7, 240] {
            let slots = Slots::over(first, last, count_max);
            assert!(slots.count <= count_max && slots.start(slots.count) >= slots.start(0));
        }
    }
}
