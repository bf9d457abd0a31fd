//! All time zones of IANA, all changes of their clocks from 2024 to 2030, twelve patterns: what is due around each change is
//! what the rule says, as Python finds it minute by minute with time zones of its own.
//!
//! `zones.txt` is written by `xtask/schedules/expect.py`, and `cargo xtask test` finds it again.

use std::{collections::BTreeSet, time::Duration};

use sha2::{Digest as _, Sha256};

use super::{at, cron};
use crate::{
    schedule::{CronPattern, Schedule, Zone},
    time::Timestamp,
};

const EXPECTED: &str = include_str!("zones.txt");
const YEARS: (i64, i64) = (1_704_067_200, 1_924_992_000);
const AROUND: i64 = 6 * 60 * 60;
/// A moment near which no clock is changed.
const PLAIN: i64 = 1_800_100_800;
const AROUND_PLAIN: i64 = 36 * 60 * 60;
/// More than is due within three days.
const DUE_MAX: usize = 1_000;
const HASH_CHARS: usize = 12;

#[test]
fn every_zone_is_due_as_the_rule_says_around_every_change() {
    let lines = |kind: &'static str| EXPECTED.lines().filter_map(move |line| line.strip_prefix(kind));
    let patterns: Vec<CronPattern> = lines("pattern ").map(|text| text.parse().unwrap()).collect();
    assert_eq!(patterns.len(), 12);
    let mut named = BTreeSet::new();
    let mut compared = 0;
    let kinds = lines("zones ").zip(lines("changes")).zip(lines("due "));
    for ((names, changes), expected) in kinds {
        let changes: Vec<i64> = changes
            .split_whitespace()
            .map(|text| text.parse().unwrap())
            .collect();
        for name in names.split(' ') {
            let zone: Zone = name.parse().unwrap();
            assert_eq!(changes_of(&zone), changes, "{name} changes its clocks at");
            for (pattern, expected) in patterns.iter().zip(expected.split(' ')) {
                let schedule = Schedule::Cron {
                    pattern: pattern.clone(),
                    zone: zone.clone(),
                };
                let due = due_around(&schedule, &changes);
                assert_eq!(
                    hashed(&due),
                    expected,
                    "{pattern} in {name} is due at {:?}",
                    due.iter().map(|moment| zone.local(*moment)).collect::<Vec<_>>()
                );
                compared += changes.len();
            }
            named.insert(name.to_owned());
        }
    }
    let all: BTreeSet<String> = Zone::names().into_iter().collect();
    assert_eq!(named, all, "all zones are there");
    assert!(compared > 30_000, "{compared} changes were compared");
}

#[test]
fn the_table_of_the_documentation_is_true() {
    let zone: Zone = "Europe/Rome".parse().unwrap();
    // What clocks in Rome show during the two nights, with `s` in summer time.
    let due = |pattern: &str, from: &str| {
        let schedule = cron(pattern, "Europe/Rome");
        let begin = at(from);
        let due = schedule.occurrences(begin, begin.plus(Duration::from_hours(4)), DUE_MAX);
        let shown = due.iter().map(|moment| {
            let local = zone.local(*moment);
            let summer = if local.ends_with("+02:00") { "s" } else { "" };
            format!("{}{summer}", &local[11..16])
        });
        shown.collect::<Vec<_>>().join(" ")
    };
    for (pattern, march, october) in [
        ("30 2 * * *", "03:00s", "02:30s"),
        ("0,30 2 * * *", "03:00s", "02:00s 02:30s"),
        ("0,30 2,3 * * *", "03:00s 03:30s", "02:00s 02:30s 03:00 03:30"),
        ("*/30 2 * * *", "", "02:00s 02:30s 02:00 02:30"),
        (
            "0 * * * *",
            "01:00 03:00s 04:00s 05:00s",
            "01:00s 02:00s 02:00 03:00",
        ),
    ] {
        assert_eq!(due(pattern, "2026-03-28T23:30:00Z"), march, "{pattern}");
        assert_eq!(due(pattern, "2026-10-24T22:30:00Z"), october, "{pattern}");
    }
}

fn changes_of(zone: &Zone) -> Vec<i64> {
    let rules = zone.rules();
    let offset = |second: i64| rules.to_offset(jiff::Timestamp::from_second(second).unwrap());
    rules
        .following(jiff::Timestamp::from_second(YEARS.0).unwrap())
        .map(|change| change.timestamp().as_second())
        .take_while(|second| *second < YEARS.1)
        .filter(|second| offset(second - 1) != offset(*second))
        .collect()
}

fn due_around(schedule: &Schedule, changes: &[i64]) -> Vec<Timestamp> {
    let second = |second: i64| Timestamp::from_micros(second * 1_000_000);
    let around_changes = changes.iter().map(|change| (*change, AROUND));
    std::iter::once((PLAIN, AROUND_PLAIN))
        .chain(around_changes)
        .flat_map(|(center, around)| {
            schedule.occurrences(second(center - around), second(center + around), DUE_MAX)
        })
        .collect()
}

fn hashed(due: &[Timestamp]) -> String {
    let mut hash = Sha256::new();
    for moment in due {
        hash.update(format!("{}\n", moment.as_micros() / 1_000_000));
    }
    hex::encode(hash.finalize())[..HASH_CHARS].to_owned()
}
