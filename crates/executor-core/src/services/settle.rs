//! The end of a run: its commit, and whether it runs again.

use std::time::{Duration, Instant};

use picloud_shared::{
    outcome::{Outcome, ScriptError, ScriptErrorKind, Usage},
    services::{Answer, Commit, Question, Service},
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

/// What is to be done at the end of a run.
pub(crate) enum Next {
    /// Nothing.
    Answer,
    /// Something that it read has changed, and nothing has come of it: it may run again.
    Repeat(String),
    /// To compare what it has read, and to write what it writes.
    Commit(Box<Commit>),
}

/// What came of the commit of a run.
pub(crate) enum Settled {
    /// It is on disk.
    Committed,
    /// Something that the run has read has changed: it may run again.
    Repeat(String),
    /// The run has failed with it.
    Failed(ScriptError),
}

impl Session {
    /// Ends the transaction of a run that came to `result`. Only after what is to be done next it has an answer: the one
    /// that this gives back, if it succeeds. A run that `ends_something` commits even if it wrote nothing.
    pub(crate) fn end(&self, result: ScriptResult, ends_something: bool) -> (ScriptResult, Next) {
        let failed = self.state(|state| state.failed.clone());
        if let Some(failed) = failed {
            return match failed.conflict_over {
                Some(key) if self.why_not_repeated().is_none() => (result, Next::Repeat(key)),
                // What the script made of it does not count; where it happened does.
                _ => (
                    result.and_then(|_| Err(host_error(failed.kind, &failed.message))),
                    Next::Answer,
                ),
            };
        }
        match &result {
            Ok(_) => {}
            // What threw may have done so because it saw two moments at one time.
            Err(error) if error.kind == ScriptErrorKind::Runtime => self.roll_back(),
            Err(_) => return (result, Next::Answer),
        }
        let transaction = self.state(|state| std::mem::take(&mut state.transaction));
        if !self.keeps_writes() {
            let keys = transaction.keys_written();
            self.state(|state| state.writes_discarded += keys);
            return (result, Next::Answer);
        }
        let asks = transaction.is_to_be_asked() || (ends_something && result.is_ok() && !self.has_thrown());
        if self.host().is_none() || !asks {
            return (result, Next::Answer);
        }
        // No call of the script, so that none is counted; a line for it stands in the record, too.
        self.meter(Service::Transaction, |_| {});
        (result, Next::Commit(Box::new(transaction.to_commit())))
    }

    /// Commits at the end of a run. No limit of it ends this: whether it is committed would be known to nobody.
    pub(crate) async fn commit(&self, commit: Commit) -> Settled {
        let Some((services, app)) = self.host() else {
            return failed(ScriptErrorKind::Internal, "there are no services here");
        };
        let begun = Instant::now();
        let answer = services.host.ask(app, Question::Commit(commit)).await;
        self.meter(Service::Transaction, |used| used.duration_us += micros(begun));
        match answer {
            Ok(Answer::Committed) => Settled::Committed,
            Ok(Answer::Conflict { key }) => match self.why_not_repeated() {
                None => Settled::Repeat(key),
                Some(why) => failed(ScriptErrorKind::Conflict, &conflict_message(&key, why)),
            },
            Ok(Answer::LeaseLost) => failed(ScriptErrorKind::Cancelled, LEASE_LOST),
            Ok(_) => failed(
                ScriptErrorKind::Internal,
                "the host answered a commit with something else",
            ),
            Err(error) => {
                let (kind, message) = explained(error, self.has_committed());
                failed(kind, &message)
            }
        }
    }
}

/// What is said of a commit of a run whose event others have by now.
pub(super) const LEASE_LOST: &str =
    "nothing was written: the event that began the run is no longer this run's to end";

fn failed(kind: ScriptErrorKind, message: &str) -> Settled {
    Settled::Failed(host_error(kind, message))
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

    /// What all runs have used, with `last` of the last one.
    pub(crate) fn used_with(&self, last: Usage) -> Usage {
        Usage {
            duration_us: micros(self.begun),
            ..sum(self.used, last)
        }
    }

    /// The outcome of the invocation, whose last run was that of `session`.
    pub(crate) fn conclude(self, session: &Session, mut outcome: Outcome) -> Outcome {
        outcome.usage.duration_us = micros(self.begun);
        outcome.services = session.uses();
        outcome
    }
}

/// The error of an invocation whose every run met a conflict.
pub(crate) fn gave_up(key: &str, why: NotRepeated) -> ScriptError {
    host_error(ScriptErrorKind::Conflict, &conflict_message(key, why))
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
        let session = Session::new(None, None, true, None);
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
