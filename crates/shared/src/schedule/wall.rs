//! When a pattern is due in a zone whose clocks are changed.
//!
//! - A pattern of **fixed times** is due at the first moment at which the clock on the wall shows such a time *or a later
//!   one*. A time that is left out, as clocks go forward, is due at the change, and many such times are due once. A
//!   time that comes twice, as clocks go back, is due when it comes first.
//! - A pattern of **intervals** is due whenever the clock shows such a time: never when it is left out, twice when it
//!   comes twice.
//!
//! The rule is followed from one change of the clock to the next. Between two of them the clock on the wall is time plus a
//! constant.

use jiff::{Timestamp as Moment, tz::TimeZone};

use super::{
    cron::{CronPattern, YEARS_WITHOUT_MAX},
    zone::Zone,
};
use crate::time::Timestamp;

const MICROS_PER_SECOND: i64 = 1_000_000;
/// How far ahead a pattern is looked for.
const SECONDS_AHEAD_MAX: i64 = YEARS_WITHOUT_MAX as i64 * 366 * 24 * 60 * 60;
/// No clock is changed by more, not even where the date line was moved.
const CHANGE_SECONDS_MAX: i64 = 2 * 24 * 60 * 60;
/// More changes than there are in so many years: Morocco has four in some.
const CHANGES_MAX: usize = 8 * YEARS_WITHOUT_MAX as usize;

/// The first moment after `after` at which `pattern` is due in `zone`.
pub(super) fn next_after(pattern: &CronPattern, zone: &Zone, after: Timestamp) -> Option<Timestamp> {
    let first = after.as_micros().div_euclid(MICROS_PER_SECOND) + 1;
    let found = search(pattern, zone.rules(), first)?;
    Some(Timestamp::from_micros(found.checked_mul(MICROS_PER_SECOND)?))
}

/// The first second, counted from 1970, at or after `from`.
fn search(pattern: &CronPattern, rules: &TimeZone, mut from: i64) -> Option<i64> {
    let last = from.checked_add(SECONDS_AHEAD_MAX)?;
    for _ in 0..CHANGES_MAX {
        let (offset, end) = stretch(rules, from)?;
        let shown = from + offset;
        let not_before = if pattern.is_at_fixed_times() {
            unseen(rules, from, shown)
        } else {
            shown
        };
        let wall = pattern.next_on_wall(not_before)?;
        // What was left out is due at the change.
        let due = from.max(wall - offset);
        let Some(end) = end.filter(|end| due >= *end) else {
            return (due <= last).then_some(due);
        };
        // No clock shows anything that is named before it shows `wall`.
        from = end.max(due - CHANGE_SECONDS_MAX);
        if from > last {
            return None;
        }
    }
    None
}

/// What is added to time at `moment` for the clock on the wall, and the next moment at which that may change.
fn stretch(rules: &TimeZone, moment: i64) -> Option<(i64, Option<i64>)> {
    let moment = Moment::from_second(moment).ok()?;
    let change = rules.following(moment).next();
    let end = change.map(|change| change.timestamp().as_second());
    Some((i64::from(rules.to_offset(moment).seconds()), end))
}

/// The first time on the wall that is due at `from` or later, as the clock never showed it, nor a later one: usually what it
/// shows now. At a change it is what was left out, and after one what has not come before.
fn unseen(rules: &TimeZone, from: i64, shown: i64) -> i64 {
    let Ok(after) = Moment::from_second(from + 1) else {
        return shown;
    };
    let changes = rules
        .preceding(after)
        .map(|change| change.timestamp().as_second());
    let mut unseen = None;
    for change in changes.take_while(|change| *change > from - CHANGE_SECONDS_MAX) {
        let Ok(before) = Moment::from_second(change - 1) else {
            break;
        };
        let seen = change + i64::from(rules.to_offset(before).seconds());
        let least = if change == from { seen } else { seen.max(shown) };
        unseen = Some(unseen.map_or(least, |known: i64| known.max(least)));
    }
    unseen.unwrap_or(shown)
}
