//! What follows when a run did not go well.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ABORTS_MAX, Counts, DeadReason, Next};
use crate::time::Timestamp;

/// How long each delay is, compared with the first: by default 10 s, 1 min, 5 min, then always 30 min.
const DELAYS: [u64; 4] = [1, 6, 30, 180];
/// No delay is longer, whatever the first one is.
const DELAY_MS_MAX: u64 = 6 * 60 * 60 * 1_000;
/// A delay is by chance so many thousandths longer or shorter, so that what failed together does not come back together.
const JITTER_THOUSANDTHS: u64 = 200;
/// After a fault of PiCloud: twice as long after each, beginning with the first.
const FAULT_DELAY_MS_FIRST: u64 = 1_000;
const FAULT_DELAY_MS_MAX: u64 = 5 * 60 * 1_000;

/// What was due in time may begin so much later.
const LATE: Duration = Duration::from_mins(1);
/// What has never run gets so many tries, however old it is: a server may have been off for longer than a day.
const FAULTS_AT_ANY_AGE: u32 = 12;

const ATTEMPTS_MAX: u32 = 25;
const FIRST_DELAY_MS_MAX: u64 = 60 * 60 * 1_000;
const MAX_AGE_S_MIN: u64 = 1;
const MAX_AGE_S_MAX: u64 = 7 * 24 * 60 * 60;

/// How often and how long a delivery is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetryPolicy {
    /// Runs in all, the first included: 1 to 25.
    pub attempts_max: u32,
    /// From the first failure to the second run, in milliseconds, up to an hour; later delays grow from it.
    pub first_delay_ms: u64,
    /// How old it may become, in seconds: up to seven days.
    pub max_age_s: u64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts_max: 5,
            first_delay_ms: 10_000,
            max_age_s: 24 * 60 * 60,
        }
    }
}

/// A policy that is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` must be {min} to {max}")]
pub struct InvalidRetryPolicy {
    /// Which field.
    pub field: &'static str,
    /// The least it may be.
    pub min: u64,
    /// The most it may be.
    pub max: u64,
}

/// What a run says of itself that did not go well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The script failed.
    Failed,
    /// The script said that trying again is of no use.
    Never,
    /// The script said after which time to try again.
    After(Duration),
    /// PiCloud could not run it, or not to its end.
    Fault,
}

impl RetryPolicy {
    /// The first field that is out of range.
    pub fn check(&self) -> Result<(), InvalidRetryPolicy> {
        [
            (
                "attempts_max",
                u64::from(self.attempts_max),
                1,
                u64::from(ATTEMPTS_MAX),
            ),
            ("first_delay_ms", self.first_delay_ms, 0, FIRST_DELAY_MS_MAX),
            ("max_age_s", self.max_age_s, MAX_AGE_S_MIN, MAX_AGE_S_MAX),
        ]
        .into_iter()
        .find(|(_, value, min, max)| value < min || value > max)
        .map_or(Ok(()), |(field, _, min, max)| {
            Err(InvalidRetryPolicy { field, min, max })
        })
    }

    /// When a delivery whose age began at `since` is too old.
    pub fn expires_at(&self, since: Timestamp) -> Timestamp {
        since.plus(Duration::from_secs(self.max_age_s))
    }

    /// Why a delivery is not run again, whatever else is known of it; `counts` are those of before.
    pub fn dead_before_run(&self, counts: Counts, since: Timestamp, now: Timestamp) -> Option<DeadReason> {
        if counts.aborts >= ABORTS_MAX {
            return Some(DeadReason::Poison);
        }
        // Its first run it gets at any age.
        let is_old = counts.attempts > 0 && now > self.expires_at(since).plus(LATE);
        is_old.then_some(DeadReason::Expired)
    }

    /// What follows a run that did not go well. `counts` are those of before it; `chance` is any number.
    pub fn next(
        &self,
        counts: Counts,
        verdict: Verdict,
        since: Timestamp,
        now: Timestamp,
        chance: u32,
    ) -> Next {
        let failed = counts.attempts.saturating_add(1);
        let delay = match verdict {
            Verdict::Never => return Next::Dead(DeadReason::Never),
            Verdict::Failed | Verdict::After(_) if failed >= self.attempts_max => {
                return Next::Dead(DeadReason::Exhausted);
            }
            Verdict::Failed => self.delay(failed, chance),
            Verdict::After(delay) => delay,
            Verdict::Fault => fault_delay(counts.faults.saturating_add(1), chance),
        };
        let expires_at = self.expires_at(since);
        let due = now.plus(delay);
        match verdict {
            Verdict::Fault
                if counts.attempts == 0 && now >= expires_at && counts.faults < FAULTS_AT_ANY_AGE =>
            {
                Next::RetryAt(due)
            }
            _ if now >= expires_at => Next::Dead(DeadReason::Expired),
            // What was not the script's fault is tried to the last moment, and so is what the script has set a time for.
            Verdict::Fault | Verdict::After(_) => Next::RetryAt(due.min(expires_at)),
            _ if due > expires_at => Next::Dead(DeadReason::Expired),
            _ => Next::RetryAt(due),
        }
    }

    /// The same after a run that was for several deliveries: which of them it was is not known, so that each runs again,
    /// alone, whatever the policy says of the number of runs, and however old it is.
    pub fn next_alone(
        &self,
        counts: Counts,
        verdict: Verdict,
        since: Timestamp,
        now: Timestamp,
        chance: u32,
    ) -> Next {
        let policy = Self {
            attempts_max: u32::MAX,
            ..*self
        };
        let verdict = match verdict {
            Verdict::Failed | Verdict::Never => {
                Verdict::After(self.delay(counts.attempts.saturating_add(1), chance))
            }
            Verdict::After(_) | Verdict::Fault => verdict,
        };
        match verdict {
            Verdict::After(delay) if now >= self.expires_at(since) => Next::RetryAt(now.plus(delay)),
            _ => policy.next(counts, verdict, since, now, chance),
        }
    }

    /// From failure number `failed` to the next run.
    pub fn delay(&self, failed: u32, chance: u32) -> Duration {
        let step = usize::try_from(failed.saturating_sub(1)).unwrap_or(usize::MAX);
        let times = DELAYS.get(step).unwrap_or(&DELAYS[DELAYS.len() - 1]);
        jittered(
            self.first_delay_ms.saturating_mul(*times).min(DELAY_MS_MAX),
            chance,
        )
    }
}

/// From fault number `fault` to the next try.
fn fault_delay(fault: u32, chance: u32) -> Duration {
    let times = 1_u64.checked_shl(fault.saturating_sub(1)).unwrap_or(u64::MAX);
    jittered(
        FAULT_DELAY_MS_FIRST.saturating_mul(times).min(FAULT_DELAY_MS_MAX),
        chance,
    )
}

fn jittered(delay_ms: u64, chance: u32) -> Duration {
    let thousandths = 1_000 - JITTER_THOUSANDTHS + u64::from(chance) % (2 * JITTER_THOUSANDTHS + 1);
    Duration::from_micros(delay_ms.saturating_mul(thousandths))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINCE: Timestamp = Timestamp::from_micros(1_000_000_000);
    /// No jitter.
    const EVEN: u32 = 200;

    fn counts(attempts: u32, faults: u32) -> Counts {
        Counts {
            attempts,
            faults,
            aborts: 0,
        }
    }

    fn at(seconds: u64) -> Timestamp {
        SINCE.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn a_script_that_fails_k_times_runs_at_these_moments() {
        let policy = RetryPolicy::default();
        let moments = [0, 10, 70, 370, 2_170];
        for failures in 0..=6_usize {
            let mut now = SINCE;
            let mut runs = vec![now];
            let mut end = None;
            for failed in 0..failures {
                match policy.next(
                    counts(u32::try_from(failed).unwrap(), 0),
                    Verdict::Failed,
                    SINCE,
                    now,
                    EVEN,
                ) {
                    Next::RetryAt(due) => {
                        now = due;
                        runs.push(now);
                    }
                    Next::Dead(reason) => {
                        end = Some(reason);
                        break;
                    }
                }
            }
            let expected: Vec<_> = moments.into_iter().take(failures + 1).map(at).collect();
            assert_eq!(runs, expected, "{failures}");
            assert_eq!(
                end,
                (failures >= 5).then_some(DeadReason::Exhausted),
                "{failures}"
            );
        }
    }

    #[test]
    fn chance_moves_a_delay_by_a_fifth_at_most() {
        let policy = RetryPolicy::default();
        let delays: Vec<_> = (0..401).map(|chance| policy.delay(1, chance)).collect();
        assert_eq!(delays[0], Duration::from_secs(8));
        assert_eq!(delays[400], Duration::from_secs(12));
        assert_eq!(policy.delay(1, 401), delays[0]);
        assert_eq!(policy.delay(25, EVEN), Duration::from_mins(30));
        let slow = RetryPolicy {
            first_delay_ms: FIRST_DELAY_MS_MAX,
            ..policy
        };
        assert_eq!(slow.delay(4, EVEN), Duration::from_hours(6));
    }

    #[test]
    fn faults_use_up_no_attempts_and_end_with_the_age() {
        let policy = RetryPolicy::default();
        let mut now = SINCE;
        let mut faults = 0;
        let mut delays = Vec::new();
        let end = loop {
            match policy.next(counts(0, faults), Verdict::Fault, SINCE, now, EVEN) {
                Next::RetryAt(due) => {
                    delays.push(due.as_micros() - now.as_micros());
                    now = due;
                    faults += 1;
                }
                Next::Dead(reason) => break reason,
            }
        };
        assert_eq!(end, DeadReason::Expired);
        assert_eq!(now, at(24 * 60 * 60));
        let seconds: Vec<_> = delays.iter().take(10).map(|micros| micros / 1_000_000).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert_eq!(
            policy.next(counts(4, 100), Verdict::Fault, SINCE, SINCE, EVEN),
            Next::RetryAt(at(300))
        );
        // One that has never run is not given up for its age alone.
        let late = |faults| policy.next(counts(0, faults), Verdict::Fault, SINCE, at(1_000_000), EVEN);
        assert_eq!(late(0), Next::RetryAt(at(1_000_001)));
        assert_eq!(late(11), Next::RetryAt(at(1_000_300)));
        assert_eq!(late(12), Next::Dead(DeadReason::Expired));
    }

    #[test]
    fn a_script_decides_itself() {
        let policy = RetryPolicy::default();
        let next = |attempts, verdict| policy.next(counts(attempts, 0), verdict, SINCE, SINCE, EVEN);
        assert_eq!(next(0, Verdict::Never), Next::Dead(DeadReason::Never));
        let hour = Duration::from_hours(1);
        assert_eq!(next(0, Verdict::After(hour)), Next::RetryAt(at(3_600)));
        assert_eq!(next(4, Verdict::After(hour)), Next::Dead(DeadReason::Exhausted));
        let days = Duration::from_hours(48);
        assert_eq!(next(0, Verdict::After(days)), Next::RetryAt(at(86_400)));
    }

    #[test]
    fn a_run_for_several_makes_none_of_them_dead() {
        let once = RetryPolicy {
            attempts_max: 1,
            ..RetryPolicy::default()
        };
        let next =
            |policy: RetryPolicy, verdict, now| policy.next_alone(counts(0, 0), verdict, SINCE, now, EVEN);
        let hour = Duration::from_hours(1);
        for (verdict, expected) in [
            (Verdict::Failed, at(10)),
            (Verdict::Never, at(10)),
            (Verdict::After(hour), at(3_600)),
            (Verdict::Fault, at(1)),
        ] {
            assert_eq!(next(once, verdict, SINCE), Next::RetryAt(expected), "{verdict:?}");
        }
        // Alone, it has had its last run.
        assert_eq!(
            once.next(counts(1, 0), Verdict::Failed, SINCE, at(10), EVEN),
            Next::Dead(DeadReason::Exhausted)
        );
        let short = RetryPolicy { max_age_s: 5, ..once };
        assert_eq!(next(short, Verdict::Failed, at(4)), Next::RetryAt(at(5)));
        // Too old by then, it gets the run alone nevertheless, and no second one.
        let late = at(5);
        for (verdict, expected) in [
            (Verdict::Failed, at(15)),
            (Verdict::Never, at(15)),
            (Verdict::After(hour), at(3_605)),
            (Verdict::Fault, at(6)),
        ] {
            assert_eq!(next(short, verdict, late), Next::RetryAt(expected), "{verdict:?}");
        }
        let often = RetryPolicy {
            max_age_s: 5,
            ..RetryPolicy::default()
        };
        assert_eq!(
            often.next(counts(1, 0), Verdict::Failed, SINCE, at(15), EVEN),
            Next::Dead(DeadReason::Expired)
        );
    }

    #[test]
    fn what_aborts_too_often_or_is_too_old_does_not_run() {
        let policy = RetryPolicy::default();
        let aborted = |aborts| Counts {
            aborts,
            ..Counts::default()
        };
        assert_eq!(policy.dead_before_run(aborted(2), SINCE, SINCE), None);
        assert_eq!(
            policy.dead_before_run(aborted(3), SINCE, SINCE),
            Some(DeadReason::Poison)
        );
        // What is due at the last moment comes a little later.
        let (late, later) = (at(86_460), at(86_461));
        assert_eq!(policy.dead_before_run(counts(1, 1), SINCE, late), None);
        assert_eq!(
            policy.dead_before_run(counts(1, 1), SINCE, later),
            Some(DeadReason::Expired)
        );
        assert_eq!(policy.dead_before_run(counts(0, 1), SINCE, later), None);
    }

    #[test]
    fn a_policy_has_bounds() {
        assert_eq!(RetryPolicy::default().check(), Ok(()));
        let none = RetryPolicy {
            attempts_max: 0,
            ..RetryPolicy::default()
        };
        assert_eq!(
            none.check().unwrap_err().to_string(),
            "`attempts_max` must be 1 to 25"
        );
        let old = RetryPolicy {
            max_age_s: MAX_AGE_S_MAX + 1,
            ..RetryPolicy::default()
        };
        assert_eq!(old.check().unwrap_err().field, "max_age_s");
    }
}
