//! A long life of schedules: processes end at any point, are down for a while, and the clock is set back and ahead. Each
//! occurrence has one row in the end, and none has two. `PICLOUD_TEST_ROUNDS` gives another number of occurrences.

use std::{collections::BTreeMap, env, time::Duration};

use super::{at, cron, every};
use crate::{
    schedule::{
        Fate, Missed, Overlap, Plan, Policy, RUNNING_MAX, Schedule, SkippedWhy, Standing, after_run, plan,
    },
    time::Timestamp,
};

const ROUNDS_VARIABLE: &str = "PICLOUD_TEST_ROUNDS";
const ROUNDS: usize = 50_000;
const BEGIN: &str = "2026-01-01T00:00:00Z";
const HOUR: u64 = 3_600_000_000;
const DAY: u64 = 24 * HOUR;

#[test]
fn each_occurrence_has_one_row_whatever_happens() {
    let rounds = env::var(ROUNDS_VARIABLE).map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let schedules = [
        cron("* * * * *", "Europe/Rome"),
        cron("*/20 */5 * * * *", "UTC"),
        cron("0 * * * *", "Africa/Cairo"),
        cron("30 2,14 * * *", "America/New_York"),
        every(7, "2026-01-01T00:00:03.5Z"),
        every(45, "2026-02-01T00:00:00Z"),
    ];
    let overlaps = [Overlap::Skip, Overlap::QueueOne, Overlap::Allow, Overlap::Replace];
    let misseds = [Missed::None, Missed::Latest, Missed::All];
    let lives = schedules.len() * overlaps.len() * misseds.len();
    let mut seed = 0;
    let mut occurrences = 0;
    for schedule in &schedules {
        for overlap in overlaps {
            for missed in misseds {
                seed += 1;
                let policy = Policy {
                    overlap,
                    missed,
                    max_age_s: [30, 3_600, 604_800][seed % 3],
                    caught_up_max: [1, 10, 100][seed / 3 % 3],
                };
                let mut life = Life::new(schedule, policy, seed as u64);
                life.go_on_for(rounds / lives + 1);
                occurrences += life.judge();
            }
        }
    }
    assert!(occurrences >= rounds, "{occurrences} occurrences");
}

/// What is on disk, the clock, and the world.
struct Life<'a> {
    schedule: &'a Schedule,
    policy: Policy,
    ledger: BTreeMap<Timestamp, (Option<Timestamp>, Fate)>,
    planned_until: Timestamp,
    waiting: Vec<Timestamp>,
    /// When each run ends.
    running: Vec<Timestamp>,
    now: Timestamp,
    chance: Chance,
}

impl<'a> Life<'a> {
    fn new(schedule: &'a Schedule, policy: Policy, seed: u64) -> Self {
        Self {
            schedule,
            policy,
            ledger: BTreeMap::new(),
            planned_until: at(BEGIN),
            waiting: Vec::new(),
            running: Vec::new(),
            now: at(BEGIN),
            chance: Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
        }
    }

    fn go_on_for(&mut self, rows: usize) {
        while self.ledger.len() < rows {
            match self.chance.below(1_000) {
                // The server is down for up to a minute, an hour, a day or a month.
                0..30 => self.pass(60_000_000),
                30..40 => self.pass(HOUR),
                40..44 => self.pass(DAY),
                44 => self.pass(31 * DAY),
                // The clock is set.
                45..50 => self.set_clock_ahead(HOUR),
                50..55 => self.set_clock_back(HOUR),
                55 => self.set_clock_ahead(DAY),
                56 => self.set_clock_back(DAY),
                // It plans, and ends before it has stored that.
                57..150 => {
                    self.planned_now();
                }
                // Something wakes it up although nothing is due.
                150..200 => self.pass(1_000_000),
                _ => self.sleep_until_due(),
            }
            self.end_runs();
            self.plan_and_store();
        }
    }

    fn pass(&mut self, micros_max: u64) {
        let micros = self.chance.below(micros_max);
        self.now = self.now.plus(Duration::from_micros(micros));
    }

    fn set_clock_back(&mut self, micros: u64) {
        self.now = self.now.minus(Duration::from_micros(micros)).max(at(BEGIN));
    }

    fn set_clock_ahead(&mut self, micros: u64) {
        self.now = self.now.plus(Duration::from_micros(micros));
    }

    /// Wakes up a little after what is due, or when a run ends.
    fn sleep_until_due(&mut self) {
        let due = self.planned_now().next_due;
        let ends = self.running.iter().min().copied();
        if let Some(wake) = due.into_iter().chain(ends).min() {
            self.now = self.now.max(wake);
            self.pass(20_000);
        }
    }

    fn planned_now(&self) -> Plan {
        let count = |moments: &[Timestamp]| u32::try_from(moments.len()).unwrap();
        let standing = Standing {
            planned_until: self.planned_until,
            running: count(&self.running),
            waiting: count(&self.waiting),
        };
        plan(self.schedule, &self.policy, standing, self.now)
    }

    fn plan_and_store(&mut self) {
        loop {
            let plan = self.planned_now();
            assert!(plan.planned_until >= self.planned_until);
            self.planned_until = plan.planned_until;
            if plan.replaces {
                self.running.clear();
                for moment in std::mem::take(&mut self.waiting) {
                    self.change(moment, Fate::Skipped(SkippedWhy::Replaced));
                }
            }
            for entry in plan.entries {
                assert!(entry.scheduled_at <= self.now, "nothing is done ahead of time");
                let row = (entry.until, entry.fate);
                let before = self.ledger.insert(entry.scheduled_at, row);
                assert_eq!(before, None, "{} is there twice", entry.scheduled_at);
                if entry.fate == Fate::Waiting {
                    self.waiting.push(entry.scheduled_at);
                }
                self.start(entry.fate);
            }
            if plan.next_due.is_none_or(|due| due > self.now) {
                break;
            }
        }
    }

    fn end_runs(&mut self) {
        let before = self.running.len();
        self.running.retain(|end| *end > self.now);
        if self.running.len() == before {
            return;
        }
        let running = u32::try_from(self.running.len()).unwrap();
        for entry in after_run(&self.policy, &self.waiting, running, self.now) {
            self.change(entry.scheduled_at, entry.fate);
            self.waiting.retain(|moment| *moment != entry.scheduled_at);
            self.start(entry.fate);
        }
    }

    /// Something that waited does not wait any more.
    fn change(&mut self, moment: Timestamp, fate: Fate) {
        let before = self.ledger.insert(moment, (None, fate));
        assert_eq!(before, Some((None, Fate::Waiting)), "{moment} becomes {fate:?}");
    }

    fn start(&mut self, fate: Fate) {
        if !fate.starts() {
            return;
        }
        let longest = [100_000, 30_000_000, HOUR][self.chance.index(3)];
        let duration = Duration::from_micros(self.chance.below(longest));
        self.running.push(self.now.plus(duration));
        let at_once_max = match self.policy.overlap {
            Overlap::Allow => RUNNING_MAX as usize,
            Overlap::Skip | Overlap::QueueOne | Overlap::Replace => 1,
        };
        assert!(self.running.len() <= at_once_max, "{:?}", self.policy);
    }

    /// Compares the rows with what was due, and counts them.
    fn judge(&self) -> usize {
        let mut last = at(BEGIN);
        for (moment, (until, _)) in &self.ledger {
            let due = self.schedule.next_after(last);
            assert_eq!(due, Some(*moment), "after {last}, {:?}", self.schedule);
            last = until.unwrap_or(*moment);
            let just_before = last.minus(Duration::from_micros(1));
            assert_eq!(self.schedule.next_after(just_before), Some(last));
        }
        let next = self.schedule.next_after(last);
        assert!(
            next.is_none_or(|next| next > self.planned_until),
            "{next:?} is missing"
        );
        self.ledger.len()
    }
}

/// Chance that is the same each time: xorshift.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn index(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).unwrap()
    }
}
