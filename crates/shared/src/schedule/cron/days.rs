//! Which days a pattern names: by day of month, by day of week, or by one of both if it has both.

use jiff::{Timestamp, civil::Date, tz::Offset};

use super::{
    YEARS_WITHOUT_MAX,
    error::{FieldProblem, InvalidCron},
    field::{Fields, Written, digits},
    times::SECONDS_PER_DAY,
};

/// The days of months. A set of days has bit 1 for the first of the month.
#[derive(Clone, Debug)]
pub(super) struct Days {
    months: u64,
    of_month: Option<OfMonth>,
    of_week: Option<OfWeek>,
}

/// What a day of month can be.
#[derive(Clone, Debug, Default)]
struct OfMonth {
    /// These.
    days: u64,
    /// The weekdays next to these, within the month: `15W`.
    nearest: u64,
    /// `L`
    last: bool,
    /// `LW`: the last day from Monday to Friday.
    last_weekday: bool,
}

/// What a day of week can be. Bit 0 is Sunday.
#[derive(Clone, Debug, Default)]
struct OfWeek {
    /// Each of these.
    each: u64,
    /// `FRI#2`: the first to fifth of these in a month.
    nth: [u64; 5],
    /// `FRIL`: the last of these in a month.
    last: u64,
}

impl Days {
    pub(super) fn parse(fields: &Fields<'_>) -> Result<Self, InvalidCron> {
        let (of_month, of_week) = (fields.day_of_month, fields.day_of_week);
        Ok(Self {
            months: fields.month.numbers()?,
            of_month: named(of_month, OfMonth::parse)?,
            of_week: named(of_week, OfWeek::parse)?,
        })
    }

    /// The first day at or after `from`, in days since 1970. Looks as far ahead as a day can be.
    pub(super) fn next(&self, from: i64) -> Option<i64> {
        let today = date(from)?;
        let (mut year, mut month) = (today.year(), today.month());
        let mut not_before = today.day();
        let last_year = year.checked_add(YEARS_WITHOUT_MAX)?;
        while year <= last_year {
            if self.months & 1 << month != 0 {
                let month = Month::of(Date::new(year, month, 1).ok()?)?;
                let days = self.in_month(&month) >> not_before << not_before;
                if days != 0 {
                    return Some(month.first + i64::from(days.trailing_zeros()) - 1);
                }
            }
            not_before = 1;
            (year, month) = if month == 12 {
                (year.checked_add(1)?, 1)
            } else {
                (year, month + 1)
            };
        }
        None
    }

    fn in_month(&self, month: &Month) -> u64 {
        match (&self.of_month, &self.of_week) {
            (None, None) => month.all(),
            (Some(of_month), None) => of_month.in_month(month),
            (None, Some(of_week)) => of_week.in_month(month),
            (Some(of_month), Some(of_week)) => of_month.in_month(month) | of_week.in_month(month),
        }
    }
}

/// What a field names; nothing if it stands for all days.
fn named<T>(
    written: Written<'_>,
    parse: fn(Written<'_>) -> Result<T, InvalidCron>,
) -> Result<Option<T>, InvalidCron> {
    (!written.is_any()).then(|| parse(written)).transpose()
}

impl OfMonth {
    fn parse(written: Written<'_>) -> Result<Self, InvalidCron> {
        let mut this = Self::default();
        for part in written.parts() {
            if part.eq_ignore_ascii_case("L") {
                this.last = true;
            } else if part.eq_ignore_ascii_case("LW") {
                this.last_weekday = true;
            } else if let Some(day) = part.strip_suffix(['W', 'w']) {
                this.nearest |= 1 << written.number(day, part)?;
            } else {
                this.days |= written.part(part)?;
            }
        }
        Ok(this)
    }

    fn in_month(&self, month: &Month) -> u64 {
        let mut days = self.days & month.all();
        if self.last {
            days |= 1 << month.length;
        }
        if self.last_weekday {
            days |= 1 << month.nearest_weekday(month.length);
        }
        for day in (1..=month.length).filter(|day| self.nearest & 1 << day != 0) {
            days |= 1 << month.nearest_weekday(day);
        }
        days
    }
}

impl OfWeek {
    fn parse(written: Written<'_>) -> Result<Self, InvalidCron> {
        let mut this = Self::default();
        for part in written.parts() {
            if let Some((weekday, nth)) = part.split_once('#') {
                let weekday = written.number(weekday, part)? % 7;
                let nth = digits(nth).and_then(|nth| this.nth.get_mut(usize::from(nth).checked_sub(1)?));
                *nth.ok_or_else(|| written.wrong(part, FieldProblem::Nth))? |= 1 << weekday;
            } else if let Some(weekday) = part.strip_suffix(['L', 'l']) {
                this.last |= 1 << (written.number(weekday, part)? % 7);
            } else {
                let days = written.part(part)?;
                this.each |= (days | days >> 7) & 0b111_1111;
            }
        }
        Ok(this)
    }

    fn in_month(&self, month: &Month) -> u64 {
        (1..=month.length)
            .filter(|day| {
                let weekday = 1 << month.weekday(*day);
                let named = self.each & weekday != 0;
                let nth = self.nth.get(usize::from(day - 1) / 7);
                named
                    || nth.is_some_and(|weekdays| weekdays & weekday != 0)
                    || (self.last & weekday != 0 && day + 7 > month.length)
            })
            .fold(0, |days, day| days | 1 << day)
    }
}

/// A month of a year.
struct Month {
    /// Its first day, in days since 1970.
    first: i64,
    /// 28 to 31.
    length: u8,
    /// The weekday of its first day; 0 is Sunday.
    begins_on: u8,
}

impl Month {
    fn of(first: Date) -> Option<Self> {
        let midnight = Offset::UTC.to_timestamp(first.at(0, 0, 0, 0)).ok()?;
        Some(Self {
            first: midnight.as_second().div_euclid(SECONDS_PER_DAY),
            length: first.days_in_month().unsigned_abs(),
            begins_on: first.weekday().to_sunday_zero_offset().unsigned_abs(),
        })
    }

    fn all(&self) -> u64 {
        (1 << (self.length + 1)) - 2
    }

    fn weekday(&self, day: u8) -> u8 {
        (self.begins_on + day - 1) % 7
    }

    /// The day from Monday to Friday that is nearest to `day` and in the same month.
    fn nearest_weekday(&self, day: u8) -> u8 {
        match self.weekday(day) {
            0 if day == self.length => day - 2,
            0 => day + 1,
            6 if day == 1 => 3,
            6 => day - 1,
            _ => day,
        }
    }
}

/// The date of a day that is counted from 1970.
fn date(day: i64) -> Option<Date> {
    let midnight = Timestamp::from_second(day.checked_mul(SECONDS_PER_DAY)?).ok()?;
    Some(Offset::UTC.to_datetime(midnight).date())
}
