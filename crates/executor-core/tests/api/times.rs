//! Moments and calendars.

use crate::script::check;

#[test]
fn reading_and_writing() {
    check("time::parse(\"2026-02-29\")", "error: not a date");
    check(
        "time::parse(\"2026-01-01T00:00:00\")",
        "error: not a date, nor a date and time with an offset",
    );
    check("time::parse(\"2026-01-01t00:00:00z\")", "1767225600000");
    check("time::parse(\"1969-12-31T23:59:59.999Z\")", "-1");
    check("time::parse(\"\")", "error: not a date");
    check(
        "time::rfc3339(9223372036854775807)",
        "error: outside of the years",
    );
    check(
        "time::rfc3339(-9223372036854775808)",
        "error: outside of the years",
    );
    check(
        "time::rfc3339(0, \"Nowhere/Land\")",
        "error: there is no zone `Nowhere/Land`",
    );
    check(
        "time::rfc3339(0, \"../../etc/passwd\")",
        "error: there is no zone",
    );
    check(
        "time::rfc3339(0, \"europe/rome\")",
        "\"1970-01-01T01:00:00.000+01:00\"",
    );
    check("time::format(0, \"\")", "\"\"");
    check(
        "time::format(0, \"%\".repeated(300))",
        "error: longer than 256 bytes",
    );
    check("time::parse(\"2026\", \"%Y\")", "error: time::parse");
    check(
        "time::parse(\"+0200 2026-01-01 02:00\", \"%z %Y-%m-%d %H:%M\")",
        "1767225600000",
    );
}

#[test]
fn clocks_that_change() {
    // 2026-03-29 02:00 in Rome does not exist, 2026-10-25 02:30 exists twice.
    check(
        "time::rfc3339(time::from_parts(#{year: 2026, month: 3, day: 29, hour: 2, minute: 30}, \"Europe/Rome\"))",
        "\"2026-03-29T01:30:00.000Z\"",
    );
    check(
        "time::rfc3339(time::from_parts(#{year: 2026, month: 10, day: 25, hour: 2, minute: 30}, \"Europe/Rome\"))",
        "\"2026-10-25T00:30:00.000Z\"",
    );
    check(
        "let second = time::parse(\"2026-10-25T02:30:00+01:00\");
           time::start_of(second, \"hour\", \"Europe/Rome\") == time::parse(\"2026-10-25T02:00:00+01:00\")",
        "true",
    );
    check(
        "let noon = time::parse(\"2026-10-25T12:00:00+01:00\");
           (noon - time::start_of(noon, \"day\", \"Europe/Rome\")) / time::HOUR",
        "13",
    );
}

#[test]
fn calendars() {
    check(
        "time::parts(0, \"America/New_York\")",
        "#{year: 1969, month: 12, day: 31, hour: 19, minute: 0, second: 0, millisecond: 0, weekday: 3,
           day_of_year: 365, week: 1, offset_seconds: -18000}",
    );
    check("time::from_parts(time::parts(1795208700123))", "1795208700123");
    check("time::from_parts(#{year: 2026})", "error: `month` is missing");
    check(
        "time::from_parts(#{year: 2026, month: 13, day: 1})",
        "error: time::from_parts",
    );
    check(
        "time::from_parts(#{year: 2026, month: 1.0, day: 1})",
        "error: must be a whole number",
    );
    check(
        "time::from_parts(#{year: 99999999999, month: 1, day: 1})",
        "error: there is no year",
    );
    check("time::add(0, #{days: 1, hours: -24})", "0");
    check("time::add(0, #{})", "0");
    check(
        "time::add(0, #{fortnights: 1})",
        "error: there is no unit `fortnights`",
    );
    check("time::add(0, #{years: 9223372036854775807})", "error: time::add");
    check("time::add(0, #{years: 9000})", "error: time::add");
    check("time::between(5000, 0, \"seconds\")", "-5");
    check(
        "time::between(0, 1, \"moons\")",
        "error: there is no unit `moons`",
    );
    check("time::start_of(-1, \"second\")", "-1000");
    check(
        "time::rfc3339(time::start_of(0, \"week\"))",
        "\"1969-12-29T00:00:00.000Z\"",
    );
    check(
        "[time::SECOND, time::MINUTE, time::HOUR, time::DAY]",
        "[1000, 60000, 3600000, 86400000]",
    );
    check(
        "let later = || time::now() + time::HOUR; later.call() > time::now()",
        "true",
    );
}
