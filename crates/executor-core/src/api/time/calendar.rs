//! What the functions of `time` do.

use jiff::{
    Span, Timestamp, ToSpan, Unit, Zoned, ZonedDifference,
    civil::{Date, DateTime, Time},
    fmt::strtime,
};
use rhai::{Dynamic, Map};

use super::zone::{named, timestamp, zoned};
use crate::api::argument::{Fallible, fail, type_name};

/// Longest pattern, and longest text to read by one.
const PATTERN_BYTES_MAX: usize = 256;

pub(super) fn parse(text: &str) -> Fallible<i64> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment.as_millisecond());
    }
    let is_date = text.len() <= "-009999-12-31".len() && !text.contains(['T', 't', ' ']);
    if let Some(date) = text.parse::<Date>().ok().filter(|_| is_date) {
        return at(date.to_datetime(Time::midnight()), super::zone::UTC);
    }
    let shown: String = text.chars().take(40).collect();
    Err(fail(format!(
        "time::parse: `{shown}` is not a date, nor a date and time with an offset such as `2026-11-20T21:05:17Z`"
    )))
}

pub(super) fn parse_pattern(text: &str, pattern: &str, zone: &str) -> Fallible<i64> {
    check_pattern("time::parse", pattern)?;
    check_pattern("time::parse", text)?;
    let wrong = |error: jiff::Error| {
        fail(format!(
            "time::parse: the text does not have the pattern's form: {error}"
        ))
    };
    let parts = strtime::parse(pattern, text).map_err(wrong)?;
    if let Ok(moment) = parts.to_timestamp() {
        return Ok(moment.as_millisecond());
    }
    let date = parts.to_date().map_err(wrong)?;
    let time = parts.to_time().unwrap_or(Time::midnight());
    at(date.to_datetime(time), zone)
}

pub(super) fn rfc3339(moment: i64) -> Fallible<String> {
    Ok(format!("{:.3}", timestamp(moment)?))
}

pub(super) fn rfc3339_in(moment: i64, zone: &str) -> Fallible<String> {
    let zoned = zoned(moment, zone)?;
    Ok(format!(
        "{:.3}",
        zoned.timestamp().display_with_offset(zoned.offset())
    ))
}

pub(super) fn format(moment: i64, pattern: &str, zone: &str) -> Fallible<String> {
    check_pattern("time::format", pattern)?;
    strtime::format(pattern, &zoned(moment, zone)?)
        .map_err(|error| fail(format!("time::format: not a valid pattern: {error}")))
}

pub(super) fn parts(moment: i64, zone: &str) -> Fallible<Map> {
    let zoned = zoned(moment, zone)?;
    let parts = [
        ("year", i64::from(zoned.year())),
        ("month", i64::from(zoned.month())),
        ("day", i64::from(zoned.day())),
        ("hour", i64::from(zoned.hour())),
        ("minute", i64::from(zoned.minute())),
        ("second", i64::from(zoned.second())),
        ("millisecond", i64::from(zoned.millisecond())),
        ("weekday", i64::from(zoned.weekday().to_monday_one_offset())),
        ("day_of_year", i64::from(zoned.day_of_year())),
        ("week", i64::from(zoned.date().iso_week_date().week())),
        ("offset_seconds", i64::from(zoned.offset().seconds())),
    ];
    Ok(parts
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect())
}

pub(super) fn from_parts(parts: &Map, zone: &str) -> Fallible<i64> {
    let year = part(parts, "year", None)?;
    let month = part(parts, "month", None)?;
    let day = part(parts, "day", None)?;
    let hour = part(parts, "hour", Some(0))?;
    let minute = part(parts, "minute", Some(0))?;
    let second = part(parts, "second", Some(0))?;
    let millisecond = part(parts, "millisecond", Some(0))?;
    if !(0..1_000).contains(&millisecond) {
        return Err(fail(format!(
            "time::from_parts: there is no millisecond {millisecond}"
        )));
    }
    let narrow = |name: &str, value: i16| {
        i8::try_from(value).map_err(|_| fail(format!("time::from_parts: there is no {name} {value}")))
    };
    let nanosecond = i32::from(millisecond) * 1_000_000;
    let moment = DateTime::new(
        year,
        narrow("month", month)?,
        narrow("day", day)?,
        narrow("hour", hour)?,
        narrow("minute", minute)?,
        narrow("second", second)?,
        nanosecond,
    );
    at(
        moment.map_err(|error| fail(format!("time::from_parts: {error}")))?,
        zone,
    )
}

pub(super) fn add(moment: i64, span: &Map, zone: &str) -> Fallible<i64> {
    let mut months = 0_i64;
    let mut days = 0_i64;
    let mut millis = 0_i64;
    for (name, value) in span {
        let (total, factor) = match name.as_str() {
            "years" => (&mut months, 12),
            "months" => (&mut months, 1),
            "weeks" => (&mut days, 7),
            "days" => (&mut days, 1),
            "hours" => (&mut millis, 3_600_000),
            "minutes" => (&mut millis, 60_000),
            "seconds" => (&mut millis, 1_000),
            "milliseconds" => (&mut millis, 1),
            _ => return Err(fail(format!("time::add: there is no unit `{name}`"))),
        };
        let number = integer("time::add", name, value)?;
        let sum = number
            .checked_mul(factor)
            .and_then(|part| total.checked_add(part));
        *total = sum.ok_or_else(|| fail(format!("time::add: {number} {name} are too many")))?;
    }
    let start = zoned(moment, zone)?;
    // One after the other, because within one span all parts have one sign.
    let later = Span::new()
        .try_months(months)
        .and_then(|span| start.checked_add(span))
        .and_then(|later| later.checked_add(Span::new().try_days(days)?))
        .and_then(|later| later.checked_add(Span::new().try_milliseconds(millis)?))
        .map_err(|error| fail(format!("time::add: {error}")))?;
    Ok(later.timestamp().as_millisecond())
}

pub(super) fn between(from: i64, to: i64, unit: &str, zone: &str) -> Fallible<i64> {
    let unit = unit_of("time::between", unit)?;
    let (from, to) = (zoned(from, zone)?, zoned(to, zone)?);
    let span = from.until(ZonedDifference::new(&to).largest(unit).smallest(unit));
    let span = span.map_err(|error| fail(format!("time::between: {error}")))?;
    Ok(match unit {
        Unit::Year => span.get_years().into(),
        Unit::Month => span.get_months().into(),
        Unit::Week => span.get_weeks().into(),
        Unit::Day => span.get_days().into(),
        Unit::Hour => span.get_hours().into(),
        Unit::Minute => span.get_minutes(),
        _ => span.get_seconds(),
    })
}

pub(super) fn start_of(moment: i64, unit: &str, zone: &str) -> Fallible<i64> {
    let zoned = zoned(moment, zone)?;
    let wrong = |error: jiff::Error| fail(format!("time::start_of: {error}"));
    let start = match unit_of("time::start_of", unit)? {
        Unit::Year => zoned.first_of_year().and_then(|day| day.start_of_day()),
        Unit::Month => zoned.first_of_month().and_then(|day| day.start_of_day()),
        Unit::Week => {
            let days = i64::from(zoned.weekday().to_monday_zero_offset());
            zoned.checked_sub(days.days()).and_then(|day| day.start_of_day())
        }
        Unit::Day => zoned.start_of_day(),
        Unit::Hour => start_of_part(&zoned, 3_600_000),
        Unit::Minute => start_of_part(&zoned, 60_000),
        _ => start_of_part(&zoned, 1_000),
    };
    Ok(start.map_err(wrong)?.timestamp().as_millisecond())
}

/// Goes back within the day, so that an hour which clocks have twice stays the one that it is.
fn start_of_part(zoned: &Zoned, length_ms: i64) -> Result<Zoned, jiff::Error> {
    let time = zoned.time();
    let since_midnight =
        (i64::from(time.hour()) * 60 + i64::from(time.minute())) * 60 + i64::from(time.second());
    let since_midnight = since_midnight * 1_000 + i64::from(time.millisecond());
    zoned.checked_sub((since_midnight % length_ms).milliseconds())
}

fn at(moment: DateTime, zone: &str) -> Fallible<i64> {
    let zoned = moment.to_zoned(named(zone)?);
    let zoned = zoned.map_err(|error| fail(format!("time: {error}")))?;
    Ok(zoned.timestamp().as_millisecond())
}

fn check_pattern(function: &str, pattern: &str) -> Fallible<()> {
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(fail(format!(
            "{function}: pattern or text is longer than {PATTERN_BYTES_MAX} bytes"
        )));
    }
    Ok(())
}

fn part(parts: &Map, name: &str, default: Option<i16>) -> Fallible<i16> {
    let Some(value) = parts.get(name).filter(|value| !value.is_unit()) else {
        return default.ok_or_else(|| fail(format!("time::from_parts: `{name}` is missing")));
    };
    let number = integer("time::from_parts", name, value)?;
    i16::try_from(number).map_err(|_| fail(format!("time::from_parts: there is no {name} {number}")))
}

fn integer(function: &str, name: &str, value: &Dynamic) -> Fallible<i64> {
    value.as_int().map_err(|_| {
        fail(format!(
            "{function}: `{name}` must be a whole number, not {}",
            type_name(value)
        ))
    })
}

/// The unit by its name, in singular or plural.
fn unit_of(function: &str, name: &str) -> Fallible<Unit> {
    Ok(match name.strip_suffix('s').unwrap_or(name) {
        "year" => Unit::Year,
        "month" => Unit::Month,
        "week" => Unit::Week,
        "day" => Unit::Day,
        "hour" => Unit::Hour,
        "minute" => Unit::Minute,
        "second" => Unit::Second,
        _ => {
            let shown: String = name.chars().take(40).collect();
            return Err(fail(format!("{function}: there is no unit `{shown}`")));
        }
    })
}
