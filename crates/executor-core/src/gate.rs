//! What native functions ask of the run that is current on this thread.
//!
//! Outside a run (a bare engine in a test, a constant folded at compile time) every question is answered with
//! yes, and nothing happens.

use std::future::Future;

use picloud_shared::outcome::LogLevel;
use rhai::{EvalAltResult, Position};

/// Asks whether the run may hold `bytes` more. To be called before anything is allocated whose size a script
/// chooses. If not, the run is over: the verdict is sticky, and the error only ends the call.
pub(crate) fn reserve(_bytes: usize) -> Result<(), Box<EvalAltResult>> {
    Ok(())
}

/// Counts work done inside one native call, in steps of the script: to be called where that work grows with
/// the size of an argument, at the latest every few thousand bytes or elements. Ends the run at its limits,
/// and gives the thread up when the run's slice of time is over.
pub(crate) fn spend(_operations: u64) -> Result<(), Box<EvalAltResult>> {
    Ok(())
}

/// Waits for `future` without holding the thread. A future that is ready never suspends the run.
pub(crate) fn wait<F: Future>(_future: F) -> Result<F::Output, Box<EvalAltResult>> {
    Err("nothing to wait with".into())
}

/// Writes one line to the run's log.
pub(crate) fn log(_level: LogLevel, _message: &str, _position: Position) {}
