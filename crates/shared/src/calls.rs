//! What apps use of the services, by day.

use std::{fmt, time::Duration};

use crate::{id::AppId, services::ServiceUse, time::Timestamp};

/// For so many days it is kept, today among them.
pub const CALL_DAYS_KEPT: i64 = 31;

const MICROS_PER_DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// A day in UTC, counted from 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i64);

/// What an app used of one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppUse {
    /// Which app.
    pub app_id: AppId,
    /// What it used.
    pub used: ServiceUse,
}

/// What an app used on one day, of each service that it called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallDay {
    /// Which day.
    pub day: Day,
    /// Each service once.
    pub services: Vec<ServiceUse>,
}

impl Day {
    /// The day of a moment.
    pub fn of(moment: Timestamp) -> Self {
        Self(moment.as_micros().div_euclid(MICROS_PER_DAY))
    }

    /// Its first moment.
    pub fn start(self) -> Timestamp {
        Timestamp::from_micros(self.0.saturating_mul(MICROS_PER_DAY))
    }

    /// Its end, which is the first moment of the next day.
    pub fn end(self) -> Timestamp {
        self.start().plus(Duration::from_hours(24))
    }

    /// The first day of which anything is kept on this day.
    #[must_use]
    pub fn first_kept(self) -> Self {
        Self(self.0 - (CALL_DAYS_KEPT - 1))
    }
}

impl fmt::Display for Day {
    /// Writes it as RFC 3339 does, as in `2026-11-29`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = self.start().to_string();
        let date = moment.split_once('T').map_or(moment.as_str(), |(date, _)| date);
        f.write_str(date)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_and_ends_at_midnight() {
        let noon: Timestamp = "2026-11-29T12:00:00Z".parse().expect("a moment");
        let day = Day::of(noon);
        assert_eq!(day.to_string(), "2026-11-29");
        assert_eq!(day.start().to_string(), "2026-11-29T00:00:00.000Z");
        let micro = Duration::from_micros(1);
        assert_eq!(Day::of(day.end().minus(micro)), day);
        assert_eq!(Day::of(day.start().minus(micro)), Day(day.0 - 1));
        assert_eq!(Day::of(day.end()), Day(day.0 + 1));
        assert_eq!(Day::of(Timestamp::from_micros(-1)).to_string(), "1969-12-31");
        assert_eq!(day.first_kept().to_string(), "2026-10-30");
    }
}
