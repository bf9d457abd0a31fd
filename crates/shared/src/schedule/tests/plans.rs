//! What a plan decides, as tables.

use std::time::Duration;

use super::{at, cron, every};
use crate::{
    schedule::{
        Fate,
        Missed::{self, All, Latest},
        Overlap::{self, Allow, QueueOne, Replace, Skip},
        Plan, Policy, ROWS_MAX, RUNNING_MAX, Schedule, Standing, after_run, plan,
    },
    time::Timestamp,
};

const START: &str = "2026-11-29T10:00:00Z";

fn policy(overlap: Overlap, missed: Missed) -> Policy {
    Policy {
        overlap,
        missed,
        ..Policy::default()
    }
}

fn standing(running: u32, waiting: u32) -> Standing {
    Standing {
        planned_until: at(START),
        running,
        waiting,
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The rows as texts, from the oldest to the newest; the same ones that follow each other as one.
fn rows(plan: &Plan) -> String {
    let mut texts: Vec<(String, usize)> = Vec::new();
    for entry in &plan.entries {
        let text = text(entry.fate);
        match texts.last_mut() {
            Some((last, count)) if *last == text => *count += 1,
            _ => texts.push((text, 1)),
        }
    }
    let texts = texts.into_iter().map(|(text, count)| match count {
        1 => text,
        count => format!("{count}×{text}"),
    });
    texts.collect::<Vec<_>>().join(" ")
}

fn text(fate: Fate) -> String {
    match fate.reason() {
        None => fate.state().to_owned(),
        Some(reason) => format!("{}:{reason}", fate.state()),
    }
}

fn check(schedule: &Schedule, policy: &Policy, standing: Standing, passed: Duration, expect: &str) -> Plan {
    let now = standing.planned_until.plus(passed);
    let plan = plan(schedule, policy, standing, now);
    assert_eq!(
        rows(&plan),
        expect,
        "{schedule:?} {policy:?} {standing:?} after {passed:?}"
    );
    let moments: Vec<_> = plan.entries.iter().map(|entry| entry.scheduled_at).collect();
    assert!(moments.is_sorted_by(|earlier, later| earlier < later));
    plan
}

#[test]
fn what_came_while_a_run_was_going() {
    // Two are due on time: 20 and 10 seconds ago.
    let twice = every(10, "2026-11-29T10:00:10Z");
    for (overlap, running, waiting, expect, replaces) in [
        (Skip, 0, 0, "ran skipped:still_running", false),
        (Skip, 1, 0, "2×skipped:still_running", false),
        (Skip, 0, 1, "2×skipped:still_running", false),
        (QueueOne, 0, 0, "ran waiting", false),
        (QueueOne, 1, 0, "waiting skipped:one_waits", false),
        (QueueOne, 1, 1, "2×skipped:one_waits", false),
        (QueueOne, 0, 1, "2×skipped:one_waits", false),
        (Allow, 0, 0, "2×ran", false),
        (Allow, 7, 0, "2×ran", false),
        (Allow, RUNNING_MAX - 1, 0, "ran skipped:too_many_running", false),
        (Allow, RUNNING_MAX, 0, "2×skipped:too_many_running", false),
        (Replace, 0, 0, "skipped:replaced ran", false),
        (Replace, 1, 0, "skipped:replaced ran", true),
        (Replace, 0, 1, "skipped:replaced ran", true),
    ] {
        let policy = policy(overlap, Missed::Latest);
        let plan = check(&twice, &policy, standing(running, waiting), seconds(25), expect);
        assert_eq!(
            plan.replaces, replaces,
            "{overlap:?} with {running} and {waiting}"
        );
    }
}

#[test]
fn what_was_missed_by_a_daily_schedule() {
    // Due at 10:01 each day.
    let daily = cron("1 10 * * *", "UTC");
    let minute = 60;
    let day = 24 * 60 * minute;
    for (missed, passed, expect) in [
        (Missed::None, minute + 30, "ran"),
        (Missed::None, minute + 31, "missed:not_caught_up"),
        (Missed::None, 3 * day, "3×missed:not_caught_up"),
        (Latest, minute, "ran"),
        (Latest, minute + 31, "late"),
        (Latest, 60 * minute, "late"),
        (Latest, 61 * minute, "late"),
        (Latest, 61 * minute + 1, "missed:too_old"),
        (Latest, 3 * day, "2×missed:newer_came missed:too_old"),
        (Latest, 3 * day + minute + 31, "3×missed:newer_came late"),
        (Latest, 3 * day + minute + 30, "3×missed:newer_came ran"),
        (All, minute + 30, "ran"),
        (All, minute + 31, "late"),
        (All, 61 * minute + 1, "missed:too_old"),
        (All, 3 * day + minute + 31, "3×missed:too_old late"),
    ] {
        check(
            &daily,
            &policy(Overlap::Skip, missed),
            standing(0, 0),
            seconds(passed),
            expect,
        );
    }
}

#[test]
fn what_was_missed_by_a_schedule_of_each_minute() {
    let each_minute = cron("* * * * *", "UTC");
    // Ten minutes have passed: nine are late, and one is due now.
    for (overlap, missed, running, expect) in [
        (Skip, Missed::None, 0, "9×missed:not_caught_up ran"),
        (Skip, Latest, 0, "9×missed:newer_came ran"),
        (Skip, Latest, 1, "9×missed:newer_came skipped:still_running"),
        (Skip, All, 0, "late 8×waiting skipped:still_running"),
        (Skip, All, 1, "9×waiting skipped:still_running"),
        (QueueOne, All, 0, "late 8×waiting skipped:one_waits"),
        (QueueOne, Latest, 0, "9×missed:newer_came ran"),
        (Allow, All, 0, "9×late ran"),
        (Allow, All, 95, "5×late 5×skipped:too_many_running"),
        (Allow, Missed::None, 0, "9×missed:not_caught_up ran"),
        (Replace, All, 0, "9×skipped:replaced ran"),
        (Replace, Latest, 1, "9×missed:newer_came ran"),
    ] {
        check(
            &each_minute,
            &policy(overlap, missed),
            standing(running, 0),
            seconds(600),
            expect,
        );
    }
}

#[test]
fn not_more_run_late_than_may() {
    let each_minute = cron("* * * * *", "UTC");
    let few = Policy {
        caught_up_max: 3,
        ..policy(Overlap::Skip, Missed::All)
    };
    check(
        &each_minute,
        &few,
        standing(0, 0),
        seconds(600),
        "6×missed:too_many late 2×waiting skipped:still_running",
    );
    // 180 minutes: those of the last 60 are young enough, and the one of an hour ago is just.
    check(
        &each_minute,
        &few,
        standing(0, 0),
        seconds(180 * 60),
        "119×missed:too_old 57×missed:too_many late 2×waiting skipped:still_running",
    );
    let many = Policy {
        max_age_s: 7 * 24 * 60 * 60,
        ..policy(Overlap::Allow, Missed::All)
    };
    check(
        &each_minute,
        &many,
        standing(0, 0),
        seconds(180 * 60),
        "79×missed:too_many 100×late skipped:too_many_running",
    );
    // What waits from the downtime before takes places.
    let line = Policy {
        overlap: Overlap::Skip,
        ..many
    };
    check(
        &each_minute,
        &line,
        standing(1, 95),
        seconds(600),
        "5×waiting 4×missed:too_many skipped:still_running",
    );
}

#[test]
fn a_long_time_is_planned_in_parts_and_each_part_knows_the_newest() {
    let each_second = every(1, "2026-11-29T10:00:01Z");
    let policy = Policy::default();
    let now = at(START).plus(seconds(2_500));
    let mut standing = standing(0, 0);
    let mut all = Vec::new();
    for expect in [
        "1000×missed:newer_came",
        "1000×missed:newer_came",
        "469×missed:newer_came ran 30×skipped:still_running",
    ] {
        let plan = plan(&each_second, &policy, standing, now);
        assert_eq!(rows(&plan), expect);
        assert_eq!(
            plan.next_due.unwrap() <= now,
            all.len() + plan.entries.len() < 2_500
        );
        standing.planned_until = plan.planned_until;
        all.extend(plan.entries.into_iter().map(|entry| entry.scheduled_at));
    }
    assert_eq!(all, each_second.occurrences(at(START), now, 10_000));
    assert_eq!(standing.planned_until, now);
}

#[test]
fn what_was_missed_long_ago_is_one_row_if_it_is_much() {
    let now = at(START).plus(seconds(31 * 24 * 60 * 60));
    let week_ago = now.minus(seconds(7 * 24 * 60 * 60));
    let each_minute = cron("* * * * *", "UTC");
    let plan = plan(&each_minute, &Policy::default(), standing(0, 0), now);
    let first = plan.entries[0];
    assert_eq!(first.scheduled_at, at("2026-11-29T10:01:00Z"));
    assert_eq!(first.until, Some(week_ago.minus(seconds(60))));
    assert_eq!(text(first.fate), "missed:too_old");
    assert_eq!(plan.entries[1].scheduled_at, week_ago);
    assert_eq!(plan.entries[1].until, None);
    assert_eq!(plan.entries.len(), 1 + ROWS_MAX);
    // 576 of each hour in 24 days are few enough to have a row each.
    let each_hour = cron("0 * * * *", "UTC");
    let passed = seconds(31 * 24 * 60 * 60);
    check(
        &each_hour,
        &Policy::default(),
        standing(0, 0),
        passed,
        "743×missed:newer_came ran",
    );
}

#[test]
fn nothing_is_planned_while_the_clock_is_behind() {
    let each_minute = cron("* * * * *", "UTC");
    for back in [0, 1, 3_600, 86_400] {
        let now = at(START).minus(seconds(back));
        let plan = plan(&each_minute, &Policy::default(), standing(0, 0), now);
        assert_eq!((plan.entries.len(), plan.planned_until), (0, at(START)));
        assert_eq!(plan.next_due, Some(at("2026-11-29T10:01:00Z")));
    }
}

#[test]
fn after_the_last_occurrence_nothing_is_due() {
    let once = Schedule::At {
        at: at("2026-11-29T10:00:05Z"),
    };
    let before = check(&once, &Policy::default(), standing(0, 0), seconds(4), "");
    assert_eq!(before.next_due, Some(at("2026-11-29T10:00:05Z")));
    let plan = check(&once, &Policy::default(), standing(0, 0), seconds(5), "ran");
    assert_eq!(plan.next_due, None);
    assert_eq!(plan.starts().collect::<Vec<_>>(), [at("2026-11-29T10:00:05Z")]);
}

#[test]
fn what_waits_runs_when_a_run_has_ended_or_expires() {
    let now = at("2026-11-29T12:00:00Z");
    let ago = |age: u64| now.minus(seconds(age));
    for (overlap, waiting, running, expect) in [
        (QueueOne, vec![30], 0, "30 ran"),
        (QueueOne, vec![31], 0, "31 late"),
        (QueueOne, vec![3_600], 0, "3600 late"),
        (QueueOne, vec![3_601], 0, "3601 expired"),
        (QueueOne, vec![31], 1, ""),
        (QueueOne, vec![3_601], 1, "3601 expired"),
        (
            Skip,
            vec![4_000, 3_601, 120, 60],
            0,
            "4000 expired, 3601 expired, 120 late",
        ),
        (Allow, vec![120, 60], 98, "120 late, 60 late"),
        (Allow, vec![120, 60], 99, "120 late"),
        (Skip, vec![], 0, ""),
    ] {
        let moments: Vec<Timestamp> = waiting.iter().map(|age| ago(*age)).collect();
        let entries = after_run(&policy(overlap, Missed::All), &moments, running, now);
        let texts = entries.iter().map(|entry| {
            let age = (now.as_micros() - entry.scheduled_at.as_micros()) / 1_000_000;
            format!("{age} {}", text(entry.fate))
        });
        assert_eq!(
            texts.collect::<Vec<_>>().join(", "),
            expect,
            "{overlap:?} {waiting:?} beside {running}"
        );
    }
}
