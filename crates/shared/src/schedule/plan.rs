//! What becomes of the occurrences that came since somebody last looked. Nothing is decided twice, and nothing is left out.
//!
//! Whoever calls stores the rows and the new `planned_until` in one transaction, and starts what starts. When the clock
//! goes back, nothing is planned until it has come to where it was. When it leaps ahead, what lay between is late, or
//! missed.

use std::time::Duration;

use super::{
    CAUGHT_UP_MAX, Entry, Fate, MAX_AGE_S_MAX, Missed, MissedWhy, ON_TIME_S, Overlap, Policy, RUNNING_MAX,
    Schedule, SkippedWhy,
};
use crate::time::Timestamp;

/// Most rows of one plan. When more is due, the next plan is due at once.
pub const ROWS_MAX: usize = 1_000;
/// Most rows for what was missed more than [`MAX_AGE_S_MAX`] ago. If there would be more, one row stands for all of them.
pub const ROWS_OF_LONG_AGO_MAX: usize = 1_000;

const INSTANT: Duration = Duration::from_micros(1);

/// Where a schedule stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Each occurrence up to here has its row. It is the present moment when a schedule is made, changed or resumed.
    pub planned_until: Timestamp,
    /// How many of its runs are going, or have been started and wait for their turn.
    pub running: u32,
    /// How many of its rows are [`Fate::Waiting`].
    pub waiting: u32,
}

/// What to store and to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// New rows, in order.
    pub entries: Vec<Entry>,
    /// All that is running is stopped, and what is waiting is [`SkippedWhy::Replaced`], before anything is started.
    pub replaces: bool,
    /// The new [`Standing::planned_until`].
    pub planned_until: Timestamp,
    /// When to plan again; at once, if it is not in the future. Nothing will be due if there is none.
    pub next_due: Option<Timestamp>,
}

impl Plan {
    /// For which occurrences a run is started.
    pub fn starts(&self) -> impl Iterator<Item = Timestamp> {
        let starting = self.entries.iter().filter(|entry| entry.fate.starts());
        starting.map(|entry| entry.scheduled_at)
    }
}

/// Decides about all occurrences after `standing.planned_until` and up to `now`.
pub fn plan(schedule: &Schedule, policy: &Policy, standing: Standing, now: Timestamp) -> Plan {
    let mut plan = Plan {
        entries: Vec::new(),
        replaces: false,
        planned_until: standing.planned_until,
        next_due: None,
    };
    if now > standing.planned_until {
        if let Some((entry, until)) = long_ago(schedule, policy, standing.planned_until, now) {
            plan.entries.push(entry);
            plan.planned_until = until;
        }
        let mut due = schedule.occurrences(plan.planned_until, now, ROWS_MAX + 1);
        let is_all = due.len() <= ROWS_MAX;
        due.truncate(ROWS_MAX);
        let after = plan.planned_until;
        let newest = if is_all {
            plan.planned_until = now;
            due.last().copied()
        } else {
            plan.planned_until = due.last().copied().unwrap_or(now);
            schedule.last_of(after, now)
        };
        let some_are_late = due.first().is_some_and(|first| is_older(*first, ON_TIME_S, now));
        let mut planner = Planner {
            policy,
            now,
            newest,
            caught_up_from: some_are_late
                .then(|| caught_up_from(schedule, policy, after, now))
                .flatten(),
            running: standing.running,
            waiting: standing.waiting,
            replaces: false,
        };
        plan.entries
            .extend(due.into_iter().map(|moment| planner.entry(moment)));
        plan.replaces = planner.replaces;
    }
    plan.next_due = schedule.next_after(plan.planned_until);
    plan
}

/// Decides about what waits, its moments in order, when a run has ended and `running` others are still going. What is not
/// in the answer waits on.
pub fn after_run(policy: &Policy, waiting: &[Timestamp], running: u32, now: Timestamp) -> Vec<Entry> {
    let at_once_max = if policy.overlap == Overlap::Allow {
        RUNNING_MAX
    } else {
        1
    };
    let mut free = at_once_max.saturating_sub(running);
    let mut entries = Vec::new();
    for moment in waiting {
        let fate = if is_older(*moment, policy.max_age_s, now) {
            Fate::Expired
        } else if free > 0 {
            free -= 1;
            started(*moment, now)
        } else {
            continue;
        };
        entries.push(entry(*moment, fate));
    }
    entries
}

/// The one row for what was missed long ago, if it would be too many, and the moment up to which it stands for all.
fn long_ago(
    schedule: &Schedule,
    policy: &Policy,
    after: Timestamp,
    now: Timestamp,
) -> Option<(Entry, Timestamp)> {
    let until = now.minus(seconds(MAX_AGE_S_MAX)).minus(INSTANT);
    let first = schedule.next_after(after)?;
    let many = schedule.occurrences(after, until, ROWS_OF_LONG_AGO_MAX + 1);
    if many.len() <= ROWS_OF_LONG_AGO_MAX {
        return None;
    }
    let why = match policy.missed {
        Missed::None => MissedWhy::NotCaughtUp,
        Missed::Latest | Missed::All => MissedWhy::TooOld,
    };
    let entry = Entry {
        scheduled_at: first,
        until: schedule.last_of(after, until),
        fate: Fate::Missed(why),
    };
    Some((entry, until))
}

/// Goes through the occurrences from the oldest to the newest.
struct Planner<'a> {
    policy: &'a Policy,
    now: Timestamp,
    /// The newest occurrence of all, which may be beyond this plan.
    newest: Option<Timestamp>,
    /// The oldest one that may run late, with [`Missed::All`].
    caught_up_from: Option<Timestamp>,
    running: u32,
    waiting: u32,
    replaces: bool,
}

impl Planner<'_> {
    fn entry(&mut self, moment: Timestamp) -> Entry {
        let fate = match self.missed(moment) {
            Some(why) => Fate::Missed(why),
            None => self.overlapping(moment),
        };
        self.running += u32::from(fate.starts());
        self.waiting += u32::from(fate == Fate::Waiting);
        entry(moment, fate)
    }

    /// Why an occurrence cannot run any more.
    fn missed(&self, moment: Timestamp) -> Option<MissedWhy> {
        if !is_older(moment, ON_TIME_S, self.now) {
            return None;
        }
        let too_old = is_older(moment, self.policy.max_age_s, self.now);
        match self.policy.missed {
            Missed::None => Some(MissedWhy::NotCaughtUp),
            Missed::Latest if self.newest != Some(moment) => Some(MissedWhy::NewerCame),
            _ if too_old => Some(MissedWhy::TooOld),
            Missed::All if self.caught_up_from.is_none_or(|from| moment < from) => Some(MissedWhy::TooMany),
            Missed::Latest | Missed::All => None,
        }
    }

    /// What becomes of one that can run.
    fn overlapping(&mut self, moment: Timestamp) -> Fate {
        let busy = self.running > 0 || self.waiting > 0;
        // Waiting is what `all` means where only one may run.
        let in_line = self.policy.missed == Missed::All && is_older(moment, ON_TIME_S, self.now);
        match self.policy.overlap {
            Overlap::Allow if self.running >= RUNNING_MAX => Fate::Skipped(SkippedWhy::TooManyRunning),
            Overlap::Replace if self.newest != Some(moment) => Fate::Skipped(SkippedWhy::Replaced),
            Overlap::Replace => {
                self.replaces = busy;
                started(moment, self.now)
            }
            Overlap::Skip | Overlap::QueueOne if busy && in_line => {
                if self.waiting < CAUGHT_UP_MAX {
                    Fate::Waiting
                } else {
                    Fate::Missed(MissedWhy::TooMany)
                }
            }
            Overlap::Skip if busy => Fate::Skipped(SkippedWhy::StillRunning),
            Overlap::QueueOne if busy && self.waiting > 0 => Fate::Skipped(SkippedWhy::OneWaits),
            Overlap::QueueOne if busy => Fate::Waiting,
            Overlap::Allow | Overlap::Skip | Overlap::QueueOne => started(moment, self.now),
        }
    }
}

/// The oldest occurrence that runs late when all do, as far as they may.
fn caught_up_from(
    schedule: &Schedule,
    policy: &Policy,
    after: Timestamp,
    now: Timestamp,
) -> Option<Timestamp> {
    if policy.missed != Missed::All {
        return None;
    }
    let after = after.max(now.minus(seconds(policy.max_age_s)).minus(INSTANT));
    let until = now.minus(seconds(ON_TIME_S)).minus(INSTANT);
    let mut oldest = schedule.last_of(after, until)?;
    for _ in 1..policy.caught_up_max {
        match schedule.last_of(after, oldest.minus(INSTANT)) {
            Some(older) => oldest = older,
            None => break,
        }
    }
    Some(oldest)
}

fn started(moment: Timestamp, now: Timestamp) -> Fate {
    if is_older(moment, ON_TIME_S, now) {
        Fate::Late
    } else {
        Fate::Ran
    }
}

fn is_older(moment: Timestamp, age_s: u32, now: Timestamp) -> bool {
    moment < now.minus(seconds(age_s))
}

fn entry(scheduled_at: Timestamp, fate: Fate) -> Entry {
    Entry {
        scheduled_at,
        until: None,
        fate,
    }
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(u64::from(seconds))
}
