//! How schedules are written as JSON, and what is refused; the ends of time.

use serde_json::json;

use super::{at, cron, every};
use crate::{
    schedule::{Entry, Fate, MissedWhy, Policy, Schedule, SkippedWhy, Zone},
    time::Timestamp,
};

fn refused(text: serde_json::Value) -> String {
    let error = serde_json::from_value::<Schedule>(text).err();
    error.map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn schedules_are_read_as_they_are_written() {
    for (schedule, text) in [
        (
            cron("0 9 * * MON-FRI", "europe/rome"),
            json!({"kind": "cron", "pattern": "0 9 * * MON-FRI", "zone": "Europe/Rome"}),
        ),
        (
            every(900, "2026-11-29T12:00:00Z"),
            json!({"kind": "every", "seconds": 900, "anchor": "2026-11-29T12:00:00.000Z"}),
        ),
        (
            Schedule::At {
                at: at("2026-11-29T12:00:00Z"),
            },
            json!({"kind": "at", "at": "2026-11-29T12:00:00.000Z"}),
        ),
    ] {
        assert_eq!(serde_json::to_value(&schedule).unwrap(), text);
        assert_eq!(serde_json::from_value::<Schedule>(text).unwrap(), schedule);
    }
    let without_zone = json!({"kind": "cron", "pattern": "@daily"});
    assert_eq!(
        serde_json::from_value::<Schedule>(without_zone).unwrap(),
        cron("@daily", "UTC")
    );
}

#[test]
fn what_is_wrong_is_said() {
    for (text, expect) in [
        (
            json!({"kind": "cron", "pattern": "0 24 * * *"}),
            "`24` in field 2 (hour): the numbers of this field go from 0 to 23",
        ),
        (
            json!({"kind": "cron", "pattern": "@daily", "zone": "Europe/Nowhere"}),
            "there is no time zone `Europe/Nowhere`; names are such as `Europe/Rome` or `UTC`",
        ),
        (
            json!({"kind": "every", "seconds": 0, "anchor": "2026-11-29T12:00:00Z"}),
            "an interval has from 1 to 31622400 seconds",
        ),
        (
            json!({"kind": "every", "seconds": 31_622_401, "anchor": "2026-11-29T12:00:00Z"}),
            "an interval has from 1 to 31622400 seconds",
        ),
    ] {
        assert_eq!(refused(text), expect);
    }
    for unknown in ["Etc/Unknown", "", "../UTC", "localtime"] {
        assert!(unknown.parse::<Zone>().is_err(), "{unknown}");
    }
}

#[test]
fn policies_have_defaults_and_bounds() {
    let policy: Policy = serde_json::from_value(json!({"overlap": "queue_one"})).unwrap();
    assert_eq!(
        serde_json::to_value(policy).unwrap(),
        json!({"overlap": "queue_one", "missed": "latest", "max_age_s": 3600, "caught_up_max": 100})
    );
    let checked = |max_age_s, caught_up_max| {
        let policy = Policy {
            max_age_s,
            caught_up_max,
            ..Policy::default()
        };
        policy.check().is_ok()
    };
    assert!(checked(30, 1) && checked(604_800, 100));
    assert!(!checked(29, 1) && !checked(604_801, 1) && !checked(30, 0) && !checked(30, 101));
}

#[test]
fn what_became_of_an_occurrence_is_read_as_it_was_stored() {
    let fate = Fate::Skipped(SkippedWhy::OneWaits);
    assert_eq!((fate.state(), fate.reason()), ("skipped", Some("one_waits")));
    for fate in Fate::ALL {
        assert_eq!(Fate::read(fate.state(), fate.reason()), Some(fate));
        let entry = Entry {
            scheduled_at: at("2026-11-29T12:00:00Z"),
            until: None,
            fate,
        };
        let text = serde_json::to_value(entry).unwrap();
        assert_eq!(text["state"], fate.state());
        assert_eq!(
            text.get("reason").and_then(|reason| reason.as_str()),
            fate.reason()
        );
        assert_eq!(serde_json::from_value::<Entry>(text).unwrap(), entry);
    }
    assert_eq!(Fate::read("ran", Some("too_old")), None);
    assert_eq!(Fate::read("missed", None), None);
    assert_eq!(
        Fate::read("missed", Some("too_old")),
        Some(Fate::Missed(MissedWhy::TooOld))
    );
}

#[test]
fn intervals_count_from_their_anchor() {
    let schedule = every(90, "2026-11-29T12:00:00.25Z");
    for (after, expect) in [
        ("2020-01-01T00:00:00Z", "2026-11-29T12:00:00.25Z"),
        ("2026-11-29T12:00:00.249999Z", "2026-11-29T12:00:00.25Z"),
        ("2026-11-29T12:00:00.25Z", "2026-11-29T12:01:30.25Z"),
        ("2026-11-29T12:01:30Z", "2026-11-29T12:01:30.25Z"),
        ("2027-11-29T12:00:00.25Z", "2027-11-29T12:01:30.25Z"),
    ] {
        assert_eq!(schedule.next_after(at(after)), Some(at(expect)), "after {after}");
    }
}

#[test]
fn once_is_once() {
    let moment = at("2026-11-29T12:00:00Z");
    let schedule = Schedule::At { at: moment };
    assert_eq!(
        schedule.next_after(at("2026-11-29T11:59:59.999999Z")),
        Some(moment)
    );
    assert_eq!(schedule.next_after(moment), None);
    assert_eq!(schedule.next_n(at("2020-01-01T00:00:00Z"), 10), [moment]);
}

#[test]
fn the_last_occurrence_is_the_last_of_all_of_them() {
    for schedule in [
        cron("*/7 3-5 * * *", "Europe/Rome"),
        cron("59 59 23 L * *", "Africa/Cairo"),
        every(61, "2026-03-27T12:00:00.5Z"),
    ] {
        let after = at("2026-03-20T00:00:00Z");
        for hours in 0..300 {
            let until = after.plus(std::time::Duration::from_secs(hours * 3_600));
            let all = schedule.occurrences(after, until, 100_000);
            assert_eq!(
                schedule.last_of(after, until),
                all.last().copied(),
                "{schedule:?} up to {until}"
            );
        }
    }
}

#[test]
fn every_moment_has_an_answer() {
    let ends = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX].map(Timestamp::from_micros);
    for schedule in [
        cron("* * * * * *", "America/Sao_Paulo"),
        cron("0 0 29 2 *", "Pacific/Apia"),
        every(1, "1970-01-01T00:00:00Z"),
        every(86_400, "9999-12-30T00:00:00Z"),
        Schedule::At { at: ends[6] },
    ] {
        for moment in ends {
            if let Some(next) = schedule.next_after(moment) {
                assert!(next > moment, "{schedule:?} after {moment:?} is due at {next:?}");
            }
            schedule.last_of(ends[0], moment);
            schedule.next_n(moment, 3);
        }
    }
}

#[test]
fn a_moment_is_shown_as_the_clock_of_a_zone_shows_it() {
    let zone: Zone = "Europe/Rome".parse().unwrap();
    assert_eq!(
        zone.local(at("2026-03-29T01:00:00Z")),
        "2026-03-29T03:00:00+02:00"
    );
    assert_eq!(
        Zone::default().local(at("2026-03-29T01:00:00Z")),
        "2026-03-29T01:00:00+00:00"
    );
    let names = Zone::names();
    assert!(names.len() > 500 && names.contains(&"America/Argentina/Ushuaia".to_owned()));
}

#[test]
fn a_pattern_that_a_zone_never_shows_is_never_due() {
    // The second Sunday of March is when New York leaves out the hour from two to three.
    let never = cron("*/10 2 * 3 SUN#2", "America/New_York");
    assert_eq!(never.next_after(at("2026-11-29T00:00:00Z")), None);
    let once = cron("10,20 2 * 3 SUN#2", "America/New_York");
    assert_eq!(
        once.next_n(at("2026-11-29T00:00:00Z"), 2),
        [at("2027-03-14T07:00:00Z"), at("2028-03-12T07:00:00Z")]
    );
}

#[test]
fn a_day_that_a_zone_left_out_is_due_at_its_end() {
    // Samoa had no 30 December 2011.
    let fixed = cron("0 12 30 12 *", "Pacific/Apia");
    assert_eq!(
        fixed.next_after(at("2011-06-01T00:00:00Z")),
        Some(at("2011-12-30T10:00:00Z"))
    );
    // Kwajalein had no 21 August 1993, nor did intervals see it.
    let interval = cron("0 */8 20-22 8 *", "Pacific/Kwajalein");
    let due = interval.occurrences(at("1993-08-01T00:00:00Z"), at("1993-09-01T00:00:00Z"), 10);
    assert_eq!(due.len(), 6, "{due:?}");
}
