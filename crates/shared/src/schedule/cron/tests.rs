//! What patterns name, and how they are refused.

use super::{super::Schedule, CronPattern};
use crate::time::Timestamp;

/// The first moments that `pattern` names after `after`, in UTC.
fn first(pattern: &str, after: &str, count: usize) -> Vec<String> {
    let schedule = Schedule::Cron {
        pattern: pattern.parse().unwrap(),
        zone: crate::schedule::Zone::default(),
    };
    let moments = schedule.next_n(after.parse().unwrap(), count);
    let texts = moments.into_iter().map(|moment: Timestamp| moment.to_string());
    texts.map(|text| text[..19].replace('T', " ")).collect()
}

fn check(pattern: &str, after: &str, expect: &[&str]) {
    assert_eq!(first(pattern, after, expect.len()), expect, "{pattern}");
}

fn refused(pattern: &str) -> String {
    let error = pattern.parse::<CronPattern>().err();
    error.map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn five_fields_are_due_at_second_0_and_six_begin_with_the_second() {
    let after = "2026-11-29T12:00:00Z";
    check(
        "* * * * *",
        after,
        &["2026-11-29 12:01:00", "2026-11-29 12:02:00"],
    );
    check(
        "* * * * * *",
        after,
        &["2026-11-29 12:00:01", "2026-11-29 12:00:02"],
    );
    check(
        "*/40 59 23 * * *",
        after,
        &[
            "2026-11-29 23:59:00",
            "2026-11-29 23:59:40",
            "2026-11-30 23:59:00",
        ],
    );
}

#[test]
fn a_moment_within_a_second_is_after_its_beginning() {
    check(
        "* * * * * *",
        "2026-11-29T12:00:00.000001Z",
        &["2026-11-29 12:00:01"],
    );
    check(
        "* * * * * *",
        "2026-11-29T11:59:59.999999Z",
        &["2026-11-29 12:00:00"],
    );
    check(
        "* * * * * *",
        "1969-12-31T23:59:58.5Z",
        &["1969-12-31 23:59:59", "1970-01-01 00:00:00"],
    );
}

#[test]
fn lists_ranges_steps_and_names_are_numbers() {
    let after = "2026-11-29T12:00:00Z";
    check(
        "0 9-17/4 * * *",
        after,
        &[
            "2026-11-29 13:00:00",
            "2026-11-29 17:00:00",
            "2026-11-30 09:00:00",
        ],
    );
    check(
        "5,3 0 1 jan,Jul *",
        after,
        &[
            "2027-01-01 00:03:00",
            "2027-01-01 00:05:00",
            "2027-07-01 00:03:00",
        ],
    );
    // 29 November 2026 is a Sunday.
    for sunday in ["0", "7", "SUN", "sun"] {
        check(
            &format!("0 0 * * {sunday}"),
            after,
            &["2026-12-06 00:00:00", "2026-12-13 00:00:00"],
        );
    }
    for weekend in ["6-7", "SAT-SUN", "6,0", "sat,SUN"] {
        check(
            &format!("0 0 * * {weekend}"),
            after,
            &[
                "2026-12-05 00:00:00",
                "2026-12-06 00:00:00",
                "2026-12-12 00:00:00",
            ],
        );
    }
    check(
        "0 0 * * */3",
        after,
        &[
            "2026-12-02 00:00:00",
            "2026-12-05 00:00:00",
            "2026-12-06 00:00:00",
        ],
    );
    check("@weekly", after, &["2026-12-06 00:00:00"]);
    check("@YEARLY", after, &["2027-01-01 00:00:00"]);
}

#[test]
fn with_a_day_of_month_and_a_day_of_week_one_of_them_will_do() {
    check(
        "0 0 13 * FRI",
        "2026-11-29T12:00:00Z",
        &[
            "2026-12-04 00:00:00",
            "2026-12-11 00:00:00",
            "2026-12-13 00:00:00",
        ],
    );
    check(
        "0 0 ? * FRI",
        "2026-11-29T12:00:00Z",
        &["2026-12-04 00:00:00", "2026-12-11 00:00:00"],
    );
    check(
        "0 0 13 * ?",
        "2026-11-29T12:00:00Z",
        &["2026-12-13 00:00:00", "2027-01-13 00:00:00"],
    );
}

#[test]
fn days_are_counted_from_the_end_of_a_month_and_by_weekdays() {
    let after = "2026-12-01T00:00:00Z";
    check(
        "0 0 L * *",
        after,
        &[
            "2026-12-31 00:00:00",
            "2027-01-31 00:00:00",
            "2027-02-28 00:00:00",
        ],
    );
    check(
        "0 0 LW * *",
        after,
        &[
            "2026-12-31 00:00:00",
            "2027-01-29 00:00:00",
            "2027-02-26 00:00:00",
        ],
    );
    // The 1st is a Saturday in May 2027, the 31st a Sunday in January and October.
    check("0 0 1W 5 *", after, &["2027-05-03 00:00:00"]);
    check(
        "0 0 31W 1,10 *",
        after,
        &["2027-01-29 00:00:00", "2027-10-29 00:00:00"],
    );
    check(
        "0 0 15W * *",
        after,
        &[
            "2026-12-15 00:00:00",
            "2027-01-15 00:00:00",
            "2027-02-15 00:00:00",
        ],
    );
    check(
        "0 0 * * FRI#2",
        after,
        &["2026-12-11 00:00:00", "2027-01-08 00:00:00"],
    );
    check(
        "0 0 * * MON#5",
        after,
        &["2027-03-29 00:00:00", "2027-05-31 00:00:00"],
    );
    check(
        "0 0 * * 7L",
        after,
        &["2026-12-27 00:00:00", "2027-01-31 00:00:00"],
    );
}

#[test]
fn rare_days_are_found_as_far_ahead_as_they_can_be() {
    check("0 0 29 2 *", "2096-03-01T00:00:00Z", &["2104-02-29 00:00:00"]);
    check("0 0 * 2 MON#5", "2072-03-01T00:00:00Z", &["2112-02-29 00:00:00"]);
    assert_eq!(
        first("* * * * *", "9999-12-30T22:00:00Z", 1),
        [""; 0],
        "time has an end"
    );
}

#[test]
fn a_pattern_has_five_or_six_fields() {
    for (pattern, fields) in [("", 0), ("* * * *", 4), ("* * * * * * *", 7)] {
        assert_eq!(
            refused(pattern),
            format!(
                "a pattern has five fields (minute, hour, day of month, month, day of week), or six with the second in front; this one has {fields}"
            )
        );
    }
}

#[test]
fn what_is_no_pattern_is_refused_with_the_place() {
    for (pattern, expect) in [
        (
            "@reboot",
            "`@reboot` is not known; there are @yearly, @monthly, @weekly, @daily and @hourly",
        ),
        (
            "60 * * * *",
            "`60` in field 1 (minute): the numbers of this field go from 0 to 59",
        ),
        (
            "0 60 * * * *",
            "`60` in field 2 (minute): the numbers of this field go from 0 to 59",
        ),
        (
            "* 24 * * *",
            "`24` in field 2 (hour): the numbers of this field go from 0 to 23",
        ),
        (
            "* * 0 * *",
            "`0` in field 3 (day of month): the numbers of this field go from 1 to 31",
        ),
        (
            "* * * 13 *",
            "`13` in field 4 (month): the numbers of this field go from 1 to 12",
        ),
        (
            "* * * * 8",
            "`8` in field 5 (day of week): the numbers of this field go from 0 to 7",
        ),
        (
            "* * * * * 99999999999999999999",
            "`99999999999999999999` in field 6 (day of week): the numbers of this field go from 0 to 7",
        ),
        (
            "-1 * * * *",
            "`-1` in field 1 (minute): expected a number from 0 to 59, a range such as 5-10, * or */15",
        ),
        (
            "1,,2 * * * *",
            "`` in field 1 (minute): something is missing before or after a comma",
        ),
        (
            "* * * JANUARY *",
            "`JANUARY` in field 4 (month): expected a number from 1 to 12, a name such as JAN, a range such as JUN-AUG or *",
        ),
        (
            "* * * * MON-",
            "`MON-` in field 5 (day of week): expected a number from 0 to 7, a name such as MON, a range such as MON-FRI, *, FRIL (the last Friday) or FRI#2 (the second)",
        ),
        (
            "* * 5L * *",
            "`5L` in field 3 (day of month): expected a number from 1 to 31, a range such as 1-7, *, L (the last day), LW (the last weekday) or 15W",
        ),
        (
            "30-10 * * * *",
            "`30-10` in field 1 (minute): the range runs backwards; write two ranges with a comma between them",
        ),
        (
            "*/0 * * * *",
            "`*/0` in field 1 (minute): a step is a number from 1 to 59",
        ),
        (
            "* */24 * * *",
            "`*/24` in field 2 (hour): a step is a number from 1 to 23",
        ),
        (
            "1/5 * * * *",
            "`1/5` in field 1 (minute): a step follows * or a range; write `1-59/…`",
        ),
        (
            "* * * * FRI#0",
            "`FRI#0` in field 5 (day of week): after # comes which of the month's it is: 1 to 5",
        ),
        (
            "* * * * FRI#6",
            "`FRI#6` in field 5 (day of week): after # comes which of the month's it is: 1 to 5",
        ),
        (
            "0 0 30 2 *",
            "no year has such a day: the months named have no such day of month or week",
        ),
        (
            "0 0 31 2,4,6,9,11 *",
            "no year has such a day: the months named have no such day of month or week",
        ),
    ] {
        assert_eq!(refused(pattern), expect, "{pattern}");
    }
    assert_eq!(refused(&"1,".repeat(200)), "a pattern has at most 256 bytes");
    assert_eq!(
        refused("٣ * * * *").split(':').next(),
        Some("`٣` in field 1 (minute)")
    );
}

#[test]
fn a_pattern_is_kept_as_it_was_written_but_for_spaces() {
    let pattern: CronPattern = "  0   9 * *\tmon-FRI ".parse().unwrap();
    assert_eq!(pattern.as_str(), "0 9 * * mon-FRI");
}

#[test]
fn only_numbers_and_lists_are_fixed_times() {
    let fixed = |pattern: &str| pattern.parse::<CronPattern>().unwrap().is_at_fixed_times();
    for pattern in ["0 2 * * *", "0,30 2,14 * * MON-FRI", "0 0 2 */2 * *", "@daily"] {
        assert!(fixed(pattern), "{pattern}");
    }
    for pattern in [
        "* 2 * * *",
        "0 * * * *",
        "0 1-3 * * *",
        "*/30 2 * * *",
        "* 0 2 * * *",
        "@hourly",
    ] {
        assert!(!fixed(pattern), "{pattern}");
    }
}
