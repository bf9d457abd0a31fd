//! The functions.

use rhai::{Module, export_module, exported_module};

/// The module as scripts see it.
pub(in crate::api) fn module() -> Module {
    let mut module = exported_module!(functions);
    for (name, length_ms) in LENGTHS_MS {
        module.set_var(name, length_ms);
    }
    module
}

/// The constants of the module.
const LENGTHS_MS: [(&str, i64); 4] = [
    ("SECOND", 1_000),
    ("MINUTE", 60 * 1_000),
    ("HOUR", 60 * 60 * 1_000),
    ("DAY", 24 * 60 * 60 * 1_000),
];

/// Moments, counted in milliseconds since 1970 (UTC): plain integers, to be compared, subtracted and stored. A
/// zone is a name such as `"Europe/Rome"`; without one everything is in UTC. `time::SECOND`, `time::MINUTE`,
/// `time::HOUR` and `time::DAY` are lengths in milliseconds, for sums such as `time::now() + 2 * time::HOUR`.
#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use rhai::{Map, NativeCallContext};

    use crate::{
        api::{
            argument::Fallible,
            clock,
            time::{calendar, zone::UTC},
        },
        error::at_call,
    };

    /// The present moment.
    ///
    /// ```rhai
    /// time::now() > time::parse("2025-01-01")  //=> true
    /// ```
    #[rhai_fn(volatile)]
    fn now() -> i64 {
        clock::now_ms()
    }

    /// Reads a moment in RFC 3339, with its offset from UTC; or a date, which is its midnight in UTC.
    ///
    /// ```rhai
    /// time::parse("2026-11-20T21:05:17.250+01:00")  //=> 1795205117250
    /// time::parse("1970-01-02")                     //=> 86400000
    /// time::parse("tomorrow")                       //=> error: not a date
    /// ```
    #[rhai_fn(return_raw)]
    fn parse(ctx: NativeCallContext, text: &str) -> Fallible<i64> {
        at_call(&ctx, || calendar::parse(text))
    }

    /// Reads a moment in the form of a pattern, as of `strptime`. Without an offset in the text it is in UTC.
    ///
    /// ```rhai
    /// time::parse("20/11/2026 21:05", "%d/%m/%Y %H:%M")  //=> 1795208700000
    /// ```
    #[rhai_fn(name = "parse", return_raw)]
    fn parse_pattern(ctx: NativeCallContext, text: &str, pattern: &str) -> Fallible<i64> {
        at_call(&ctx, || calendar::parse_pattern(text, pattern, UTC))
    }

    /// Reads a moment in the form of a pattern, as of `strptime`. Without an offset in the text it is in that
    /// zone.
    ///
    /// ```rhai
    /// time::parse("20/11/2026 22:05", "%d/%m/%Y %H:%M", "Europe/Rome")  //=> 1795208700000
    /// ```
    #[rhai_fn(name = "parse", return_raw)]
    fn parse_pattern_in(ctx: NativeCallContext, text: &str, pattern: &str, zone: &str) -> Fallible<i64> {
        at_call(&ctx, || calendar::parse_pattern(text, pattern, zone))
    }

    /// Writes a moment in RFC 3339, in UTC and with milliseconds.
    ///
    /// ```rhai
    /// time::rfc3339(0)  //=> "1970-01-01T00:00:00.000Z"
    /// ```
    #[rhai_fn(return_raw)]
    fn rfc3339(ctx: NativeCallContext, moment: i64) -> Fallible<String> {
        at_call(&ctx, || calendar::rfc3339(moment))
    }

    /// Writes a moment in RFC 3339, with the offset of a zone.
    ///
    /// ```rhai
    /// time::rfc3339(0, "Asia/Kolkata")  //=> "1970-01-01T05:30:00.000+05:30"
    /// ```
    #[rhai_fn(name = "rfc3339", return_raw)]
    fn rfc3339_in(ctx: NativeCallContext, moment: i64, zone: &str) -> Fallible<String> {
        at_call(&ctx, || calendar::rfc3339_in(moment, zone))
    }

    /// Writes a moment by a pattern, as of `strftime`, in UTC.
    ///
    /// ```rhai
    /// time::format(0, "%a, %d %b %Y %H:%M:%S GMT")  //=> "Thu, 01 Jan 1970 00:00:00 GMT"
    /// time::format(0, "%!")                         //=> error: pattern
    /// ```
    #[rhai_fn(return_raw)]
    fn format(ctx: NativeCallContext, moment: i64, pattern: &str) -> Fallible<String> {
        at_call(&ctx, || calendar::format(moment, pattern, UTC))
    }

    /// Writes a moment by a pattern, as of `strftime`, in a zone.
    ///
    /// ```rhai
    /// time::format(1795208700000, "%A %-d %B, %H:%M %Z", "Europe/Rome")  //=> "Friday 20 November, 22:05 CET"
    /// ```
    #[rhai_fn(name = "format", return_raw)]
    fn format_in(ctx: NativeCallContext, moment: i64, pattern: &str, zone: &str) -> Fallible<String> {
        at_call(&ctx, || calendar::format(moment, pattern, zone))
    }

    /// The parts of a moment in UTC: `year`, `month`, `day`, `hour`, `minute`, `second`, `millisecond`, `weekday`
    /// (1 is Monday, 7 is Sunday), `day_of_year`, `week` (ISO 8601) and `offset_seconds`.
    ///
    /// ```rhai
    /// let parts = time::parts(1795208700000);
    /// [parts.year, parts.month, parts.day]  //=> [2026, 11, 20]
    /// parts.weekday                         //=> 5
    /// ```
    #[rhai_fn(return_raw)]
    fn parts(ctx: NativeCallContext, moment: i64) -> Fallible<Map> {
        at_call(&ctx, || calendar::parts(moment, UTC))
    }

    /// The parts of a moment in a zone, as `time::parts` has them.
    ///
    /// ```rhai
    /// time::parts(1795208700000, "Europe/Rome").hour  //=> 22
    /// ```
    #[rhai_fn(name = "parts", return_raw)]
    fn parts_in(ctx: NativeCallContext, moment: i64, zone: &str) -> Fallible<Map> {
        at_call(&ctx, || calendar::parts(moment, zone))
    }

    /// The moment with these parts in UTC: `year`, `month` and `day`, and if need be `hour`, `minute`, `second`
    /// and `millisecond`. Others are not looked at.
    ///
    /// ```rhai
    /// time::from_parts(#{year: 2026, month: 11, day: 20, hour: 21})  //=> 1795208400000
    /// time::from_parts(#{year: 2026, month: 2, day: 30})             //=> error: day
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn from_parts(ctx: NativeCallContext, parts: &mut Map) -> Fallible<i64> {
        at_call(&ctx, || calendar::from_parts(parts, UTC))
    }

    /// The moment with these parts in a zone. A time that the zone skips when its clocks change is taken as
    /// later, one that it has twice is the first.
    ///
    /// ```rhai
    /// time::from_parts(#{year: 2026, month: 11, day: 20, hour: 22}, "Europe/Rome")  //=> 1795208400000
    /// ```
    #[rhai_fn(name = "from_parts", return_raw, pure)]
    fn from_parts_in(ctx: NativeCallContext, parts: &mut Map, zone: &str) -> Fallible<i64> {
        at_call(&ctx, || calendar::from_parts(parts, zone))
    }

    /// The moment later by a map of `years`, `months`, `weeks`, `days`, `hours`, `minutes`, `seconds` and
    /// `milliseconds`; earlier by what is negative. A day that the month has not is taken as its last.
    ///
    /// ```rhai
    /// time::rfc3339(time::add(time::parse("2026-01-31"), #{months: 1}))  //=> "2026-02-28T00:00:00.000Z"
    /// time::add(1000, #{seconds: -1})                                    //=> 0
    /// ```
    #[rhai_fn(return_raw)]
    fn add(ctx: NativeCallContext, moment: i64, span: Map) -> Fallible<i64> {
        at_call(&ctx, || calendar::add(moment, &span, UTC))
    }

    /// The moment later by a span, on the calendar of a zone: a day is from one time of day to the same, also
    /// when clocks change between.
    ///
    /// ```rhai
    /// let before = time::parse("2026-03-28T12:00:00+01:00");
    /// (time::add(before, #{days: 1}, "Europe/Rome") - before) / time::HOUR  //=> 23
    /// ```
    #[rhai_fn(name = "add", return_raw)]
    fn add_in(ctx: NativeCallContext, moment: i64, span: Map, zone: &str) -> Fallible<i64> {
        at_call(&ctx, || calendar::add(moment, &span, zone))
    }

    /// How many whole `"years"`, `"months"`, `"weeks"`, `"days"`, `"hours"`, `"minutes"` or `"seconds"` lie
    /// between two moments; negative if `to` is before `from`.
    ///
    /// ```rhai
    /// time::between(time::parse("2026-01-31"), time::parse("2026-03-01"), "months")  //=> 1
    /// time::between(time::parse("2026-01-31"), time::parse("2026-03-01"), "days")    //=> 29
    /// ```
    #[rhai_fn(return_raw)]
    fn between(ctx: NativeCallContext, from: i64, to: i64, unit: &str) -> Fallible<i64> {
        at_call(&ctx, || calendar::between(from, to, unit, UTC))
    }

    /// How many whole units lie between two moments, on the calendar of a zone.
    ///
    /// ```rhai
    /// let from = time::parse("2026-03-28T12:00:00+01:00");
    /// time::between(from, from + 23 * time::HOUR, "days", "Europe/Rome")  //=> 1
    /// ```
    #[rhai_fn(name = "between", return_raw)]
    fn between_in(ctx: NativeCallContext, from: i64, to: i64, unit: &str, zone: &str) -> Fallible<i64> {
        at_call(&ctx, || calendar::between(from, to, unit, zone))
    }

    /// The start of the `"year"`, `"month"`, `"week"` (its Monday), `"day"`, `"hour"`, `"minute"` or `"second"`
    /// in which a moment lies, in UTC.
    ///
    /// ```rhai
    /// time::rfc3339(time::start_of(1795208700000, "week"))  //=> "2026-11-16T00:00:00.000Z"
    /// ```
    #[rhai_fn(return_raw)]
    fn start_of(ctx: NativeCallContext, moment: i64, unit: &str) -> Fallible<i64> {
        at_call(&ctx, || calendar::start_of(moment, unit, UTC))
    }

    /// The start of the unit in which a moment lies, in a zone.
    ///
    /// ```rhai
    /// time::rfc3339(time::start_of(1795208700000, "day", "Asia/Tokyo"), "Asia/Tokyo")
    /// //=> "2026-11-21T00:00:00.000+09:00"
    /// ```
    #[rhai_fn(name = "start_of", return_raw)]
    fn start_of_in(ctx: NativeCallContext, moment: i64, unit: &str, zone: &str) -> Fallible<i64> {
        at_call(&ctx, || calendar::start_of(moment, unit, zone))
    }
}
