//! Many occurrences, or the last one, found by asking for the next one.

use super::{EverySeconds, Schedule};
use crate::time::Timestamp;

const MICROS_PER_SECOND: i64 = 1_000_000;

impl Schedule {
    /// The first `count` occurrences after `moment`, in order; fewer if there are not so many.
    pub fn next_n(&self, moment: Timestamp, count: usize) -> Vec<Timestamp> {
        self.occurrences(moment, Timestamp::from_micros(i64::MAX), count)
    }

    /// The occurrences after `after` and up to `until`, in order, but not more than `max`.
    pub fn occurrences(&self, after: Timestamp, until: Timestamp, max: usize) -> Vec<Timestamp> {
        let next = |moment: &Timestamp| self.next_after(*moment).filter(|next| *next <= until);
        std::iter::successors(next(&after), next).take(max).collect()
    }

    /// The last occurrence after `after` and up to `until`.
    ///
    /// Found in some 60 steps, however many there are: between two moments half of the time is left out at each step.
    pub fn last_of(&self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let mut last = self.next_after(after).filter(|next| *next <= until)?;
        // There is none after this one.
        let mut end = until;
        while last < end {
            let between = i128::from(end.as_micros()) - i128::from(last.as_micros());
            let half = i64::try_from(between / 2).unwrap_or(i64::MAX);
            let middle = Timestamp::from_micros(last.as_micros().saturating_add(half));
            match self.next_after(middle).filter(|next| *next <= until) {
                Some(later) => last = later,
                None => end = middle,
            }
        }
        Some(last)
    }
}

/// The first moment after `moment` that is `anchor` or a whole number of intervals after it.
pub(super) fn next_of_interval(
    anchor: Timestamp,
    seconds: EverySeconds,
    moment: Timestamp,
) -> Option<Timestamp> {
    if moment < anchor {
        return Some(anchor);
    }
    let interval = i64::from(seconds.get()) * MICROS_PER_SECOND;
    let passed = moment.as_micros().checked_sub(anchor.as_micros())?;
    let next = (passed / interval).checked_add(1)?.checked_mul(interval)?;
    anchor.as_micros().checked_add(next).map(Timestamp::from_micros)
}
