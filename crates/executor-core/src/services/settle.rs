//! The end of a run: its commit, and whether it runs again.

use std::time::{Duration, Instant};

use picloud_shared::{
    outcome::{Outcome, ScriptErrorKind, Usage},
    services::{Answer, Question, Service},
};

use super::{
    commit::{NotRepeated, conflict_message},
    lines::Turn,
    session::{ScriptResult, Session, explained, micros},
};
use crate::{bounds::Bounds, error::host_error};

/// How often a run is repeated because of a conflict.
const REPEATS_MAX: u32 = 20;

/// Repeats wait for chance up to so long, twice as long each time, so that those of several nodes part.
const JITTER_FIRST: Duration = Duration::from_millis(1);
const JITTER_MAX: Duration = Duration::from_millis(64);

/// How a run ended.
pub(crate) enum End {
    /// With this.
    Settled(ScriptResult),
    /// Something that it read has changed, and nothing has come of it: it may run again.
    Conflict(String),
}

impl Session {
    /// Ends the transaction of a run that came to `result`: only with what this gives back it has an answer.
    pub(crate) async fn end(&self, result: ScriptResult) -> End {
        let failed = self.state(|state| state.failed.clone());
        if let Some(failed) = failed {
            return match failed.conflict_over {
                Some(key) if self.why_not_repeated().is_none() => End::Conflict(key),
                // What the script made of it does not count; where it happened does.
                _ => End::Settled(result.and_then(|_| Err(host_error(failed.kind, &failed.message)))),
            };
        }
        match &result {
            Ok(_) => {}
            // What threw may have done so because it saw two moments at one time.
            Err(error) if error.kind == ScriptErrorKind::Runtime => self.roll_back(),
            Err(_) => return End::Settled(result),
        }
        let transaction = self.state(|state| std::mem::take(&mut state.transaction));
        if !self.keeps_writes() {
            let keys = transaction.keys_written();
            self.state(|state| state.writes_discarded += keys);
            return End::Settled(result);
        }
        let Some((services, app)) = self.host().filter(|_| transaction.is_to_be_asked()) else {
            return End::Settled(result);
        };
        let begun = Instant::now();
        let commit = Question::Commit(transaction.to_commit());
        drop(transaction);
        // The run is over, and no limit of it ends this: whether it is committed would be known to nobody.
        let answer = services.host.ask(app, commit).await;
        self.meter(Service::Transaction, |used| {
            used.calls += 1;
            used.duration_us += micros(begun);
        });
        match answer {
            Ok(Answer::Committed) => End::Settled(result),
            Ok(Answer::Conflict { key }) => match self.why_not_repeated() {
                None => End::Conflict(key),
                Some(why) => {
                    let message = conflict_message(&key, why);
                    End::Settled(Err(host_error(ScriptErrorKind::Conflict, &message)))
                }
            },
            Ok(_) => End::Settled(Err(host_error(
                ScriptErrorKind::Internal,
                "the host answered a commit with something else",
            ))),
            Err(error) => {
                let (kind, message) = explained(error, self.has_committed());
                End::Settled(Err(host_error(kind, &message)))
            }
        }
    }
}

/// The repeats of one invocation.
pub(crate) struct Repeats {
    begun: Instant,
    deadline: Instant,
    count: u32,
    /// What those runs used that came to nothing.
    used: Usage,
    turn: Option<Turn>,
}

impl Repeats {
    /// None yet of an invocation that began at `begun`, and may take `timeout` for all of them.
    pub(crate) fn new(begun: Instant, timeout: Duration) -> Self {
        Self {
            begun,
            deadline: begun + timeout,
            count: 0,
            used: Usage::default(),
            turn: None,
        }
    }

    /// Waits until the run that used `used` may be repeated after a conflict over `key`, or tells why it may not.
    pub(crate) async fn wait(
        &mut self,
        session: &Session,
        key: &str,
        used: Usage,
    ) -> Result<(), NotRepeated> {
        self.used = sum(self.used, used);
        self.count += 1;
        if self.count > REPEATS_MAX {
            return Err(NotRepeated::TooOften);
        }
        if Instant::now() >= self.deadline {
            return Err(NotRepeated::OutOfTime);
        }
        if !self.turn.as_ref().is_some_and(|turn| turn.is_for(key)) {
            // Given back first: nobody waits in two lines.
            self.turn = None;
            let Some((services, app)) = session.host() else {
                return Err(NotRepeated::OutOfTime);
            };
            self.turn = services.lines.wait(app, key.to_owned(), self.deadline).await;
            if self.turn.is_none() {
                return Err(NotRepeated::OutOfTime);
            }
        }
        if self.count > 1 {
            let most = (JITTER_FIRST * 2_u32.pow(self.count.min(10))).min(JITTER_MAX);
            tokio::time::sleep(most.mul_f64(chance())).await;
        }
        Ok(())
    }

    /// What the next run may take: all runs of an invocation together have the time of one. Its steps are those of one
    /// run, so that a script needs the same number whether it met others or not.
    pub(crate) fn left_of(&self, bounds: Bounds) -> Bounds {
        Bounds {
            timeout: self.deadline.saturating_duration_since(Instant::now()),
            cpu: bounds.cpu.saturating_sub(Duration::from_micros(self.used.cpu_us)),
            ..bounds
        }
    }

    /// The outcome of the last run, with what all of them used.
    pub(crate) fn conclude(self, mut outcome: Outcome) -> Outcome {
        outcome.usage = sum(self.used, outcome.usage);
        outcome.usage.duration_us = micros(self.begun);
        outcome
    }
}

/// The error of an invocation whose every run met a conflict.
pub(crate) fn gave_up(key: &str, why: NotRepeated) -> ScriptResult {
    Err(host_error(ScriptErrorKind::Conflict, &conflict_message(key, why)))
}

fn sum(before: Usage, last: Usage) -> Usage {
    Usage {
        operations: before.operations.saturating_add(last.operations),
        duration_us: before.duration_us.saturating_add(last.duration_us),
        cpu_us: before.cpu_us.saturating_add(last.cpu_us),
        memory_bytes_peak: before.memory_bytes_peak.max(last.memory_bytes_peak),
    }
}

/// From 0 to 1; 1 if the system has no chance to give.
fn chance() -> f64 {
    getrandom::u32().map_or(1.0, |number| f64::from(number) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_told_why_a_run_is_not_repeated() {
        let session = Session::new(None, None, true);
        let mut late = Repeats::new(Instant::now(), Duration::ZERO);
        let why = late.wait(&session, "a", Usage::default()).await;
        assert_eq!(why, Err(NotRepeated::OutOfTime));
        let mut often = Repeats::new(Instant::now(), Duration::from_hours(1));
        often.count = REPEATS_MAX;
        let why = often.wait(&session, "a", Usage::default()).await;
        assert_eq!(why, Err(NotRepeated::TooOften));
        assert!(
            conflict_message("a", NotRepeated::OutOfTime)
                .ends_with("its time was over before it could run again")
        );
    }
}
