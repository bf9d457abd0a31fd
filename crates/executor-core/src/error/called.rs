//! Errors of scripts that were called.
//!
//! Such an error is explained in the run in which it happened, where its source is known, and goes to the caller beside
//! what was thrown. If nobody there catches it, the calls that led to it are added.

use std::rc::Rc;

use picloud_shared::outcome::{ScriptError, TraceFrame};
use rhai::{Dynamic, EvalAltResult, Position};

use super::{Failure, Unwound, column, line, unwind};
use crate::{coroutine::with_current, run::Run};

/// What a call of a script is named in a trace.
const FUNCTION: &str = "script::call";

/// Stands where the name of a script would: what is inside of this call, the run has kept.
pub(super) const MARK: &str = "\0";

/// The error of a call of `run`: `value` was thrown, of which `error` tells.
#[expect(clippy::unnecessary_box_returns, reason = "Rhai passes errors in a box")]
pub(crate) fn thrown_in_call(run: &Run, value: Dynamic, error: ScriptError) -> Box<EvalAltResult> {
    // While an error is on its way nothing else runs, so no other takes its place before it is caught or told.
    run.thrown.replace(Some(Box::new(error)));
    let thrown = EvalAltResult::ErrorRuntime(value, Position::NONE);
    EvalAltResult::ErrorInFunctionCall(
        FUNCTION.to_owned(),
        MARK.to_owned(),
        thrown.into(),
        Position::NONE,
    )
    .into()
}

/// The error of a call that cannot be caught.
#[expect(clippy::unnecessary_box_returns, reason = "Rhai passes errors in a box")]
pub(crate) fn failed_in_call(error: ScriptError) -> Box<EvalAltResult> {
    let failure = Failure {
        kind: error.kind,
        message: error.message.clone(),
        position: Position::NONE,
        script: None,
        explained: Some(Rc::new(error)),
    };
    EvalAltResult::ErrorTerminated(Dynamic::from(failure), Position::NONE).into()
}

/// What a script returned that ended with `error`, if that is `exit`.
pub(crate) fn returned(error: Box<EvalAltResult>) -> Result<Dynamic, Box<EvalAltResult>> {
    match unwind(&error).root {
        EvalAltResult::Exit(value, _) => Ok(value.clone()),
        _ => Err(error),
    }
}

/// What was thrown, if that is a value.
pub(crate) fn thrown(error: &EvalAltResult) -> Option<&Dynamic> {
    match unwind(error).root {
        EvalAltResult::ErrorRuntime(value, _) => Some(value),
        _ => None,
    }
}

/// What was told of an error in the script that was called, if it is from one.
pub(super) fn explained(error: &Unwound<'_>) -> Option<ScriptError> {
    if error.is_called {
        return with_current(|run| run.and_then(|run| run.thrown.take().map(|error| *error)));
    }
    let EvalAltResult::ErrorTerminated(cause, _) = error.root else {
        return None;
    };
    let failure = cause.read_lock::<Failure>()?;
    let mut explained = ScriptError::clone(failure.explained.as_deref()?);
    explained.trace.push(TraceFrame {
        function: FUNCTION.to_owned(),
        script: failure.script.clone(),
        line: line(failure.position).unwrap_or(0),
        column: column(failure.position),
    });
    Some(explained)
}
