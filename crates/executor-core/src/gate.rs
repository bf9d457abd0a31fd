//! What native functions ask of the run that is current on this thread.
//!
//! Outside a run (a bare engine in a test, a constant folded at compile time) every question is answered with
//! yes, and nothing happens.

use std::{future::Future, time::Duration};

use picloud_shared::outcome::LogLevel;
use rhai::{Dynamic, EvalAltResult, Position};

use crate::{
    coroutine::{self, obey, with_current},
    guard::Verdict,
    log::Place,
    run::Run,
    steps,
};

/// Asks whether the run may hold `bytes` more. To be called before anything is allocated whose size a script
/// chooses. If not, the run is over: the verdict is sticky, and the error only ends the call.
pub(crate) fn reserve(bytes: usize) -> Result<(), Box<EvalAltResult>> {
    with_current(|run| run.map_or(Ok(()), |run| run.guard.reserve(bytes))).map_err(|_| stopped())
}

/// Counts work done inside one native call, in steps of the script: to be called where that work grows with
/// the size of an argument, at the latest every few thousand bytes or elements. Ends the run at its limits,
/// and gives the thread up when the run's slice of time is over.
pub(crate) fn spend(operations: u64) -> Result<(), Box<EvalAltResult>> {
    if steps::take(operations) {
        return Ok(());
    }
    look(operations).map_err(|_| stopped())
}

/// Counts the steps of a run that `run`, the current one, has called, and looks whether it may go on.
pub(crate) fn spend_called(run: &Run, operations: u64) -> Result<(), Box<EvalAltResult>> {
    obey(run, run.guard.look(operations)).map_err(|_| stopped())
}

/// Does `act`, of which nothing counts as memory of the current run, if there is one.
pub(crate) fn not_counting<T>(act: impl FnOnce() -> T) -> T {
    with_current(|run| match run {
        Some(run) => run.guard.not_counting(act),
        None => act(),
    })
}

/// Ends `run`, the current one.
#[expect(clippy::unnecessary_box_returns, reason = "Rhai passes errors in a box")]
pub(crate) fn stop(run: &Run, verdict: Verdict) -> Box<EvalAltResult> {
    run.guard.stop(verdict);
    stopped()
}

/// Waits for `future` without holding the thread. A future that is ready never suspends the run.
pub(crate) fn wait<F: Future>(future: F) -> Result<F::Output, Box<EvalAltResult>> {
    coroutine::wait(future).map_err(|_| stopped())
}

/// What is left of the time of the run.
pub(crate) fn time_left() -> Duration {
    with_current(|run| run.map_or(Duration::MAX, |run| run.guard.time_left()))
}

/// Writes one line to the run's log.
pub(crate) fn log(level: LogLevel, message: &str, place: Place<'_>) {
    with_current(|run| {
        if let Some(run) = run {
            run.log(level, message, place);
        }
    });
}

/// Notes that the current run uses a pattern; tells whether it has not done so lately.
pub(crate) fn uses_pattern_first(source: &str) -> bool {
    with_current(|run| run.is_none_or(|run| run.patterns.note(source)))
}

/// Counts one step of the script.
#[inline]
pub(crate) fn step() -> Result<(), Verdict> {
    if steps::take(1) { Ok(()) } else { look(1) }
}

/// Has the guard of the current run look at everything, and does what it says.
#[cold]
#[inline(never)]
fn look(steps: u64) -> Result<(), Verdict> {
    with_current(|run| run.map_or(Ok(()), |run| obey(run, run.guard.look(steps))))
}

/// Ends a call of a run that has its verdict.
#[expect(clippy::unnecessary_box_returns, reason = "Rhai passes errors in a box")]
fn stopped() -> Box<EvalAltResult> {
    EvalAltResult::ErrorTerminated(Dynamic::UNIT, Position::NONE).into()
}
