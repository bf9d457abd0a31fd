//! From Rhai's errors and the guard's verdicts to errors that help the author of a script.

mod diagnostic;
mod excerpt;
mod message;
mod names;
mod verdict;

use picloud_shared::outcome::{Diagnostic, ScriptError, ScriptErrorKind, ScriptResponse, TraceFrame};
use rhai::{AST, Dynamic, Engine, EvalAltResult, NativeCallContext, Position};

pub(crate) use self::{
    diagnostic::{diagnostic, parse_diagnostic},
    message::FUNCTIONS_SEE_PARAMETERS,
    names::{Functions, is_closure, nearest},
};
use self::{excerpt::excerpt, message::message};
use crate::response;

/// Longest message in bytes.
const MESSAGE_BYTES_MAX: usize = 2_000;

/// Calls that a trace shows: the innermost, since a deep recursion shows the same ones outwards.
const FRAMES_MAX: usize = 32;

/// An error of the host with a kind of its own. Scripts cannot catch it.
#[derive(Clone, Debug)]
struct Failure {
    kind: ScriptErrorKind,
    message: String,
    /// Rhai gives an error that cannot be caught the place of each call that it passes; this one stays.
    position: Position,
}

/// Ends the run with an error of `kind`.
#[expect(clippy::unnecessary_box_returns, reason = "Rhai passes errors in a box")]
pub(crate) fn failure(kind: ScriptErrorKind, message: impl Into<String>) -> Box<EvalAltResult> {
    let failure = Failure {
        kind,
        message: message.into(),
        position: Position::NONE,
    };
    EvalAltResult::ErrorTerminated(Dynamic::from(failure), Position::NONE).into()
}

/// `error` at `position`, unless it has a place already.
#[expect(clippy::unnecessary_box_returns, reason = "Rhai passes errors in a box")]
pub(crate) fn placed(mut error: Box<EvalAltResult>, position: Position) -> Box<EvalAltResult> {
    if let EvalAltResult::ErrorTerminated(cause, _) = &mut *error
        && let Some(mut failure) = cause.write_lock::<Failure>()
        && failure.position.is_none()
    {
        failure.position = position;
    }
    if error.position().is_none() {
        error.set_position(position);
    }
    error
}

/// Does what a native function does; an error is at the place of its call.
pub(crate) fn at_call<T>(
    context: &NativeCallContext<'_>,
    act: impl FnOnce() -> Result<T, Box<EvalAltResult>>,
) -> Result<T, Box<EvalAltResult>> {
    act().map_err(|error| placed(error, context.call_position()))
}

/// Where `error` happened, as far as it knows.
fn position(error: &EvalAltResult) -> Position {
    let own = match error {
        EvalAltResult::ErrorTerminated(cause, _) => {
            cause.read_lock::<Failure>().map(|failure| failure.position)
        }
        _ => None,
    };
    own.filter(|position| !position.is_none())
        .unwrap_or_else(|| error.position())
}

/// The answer that a script gave by throwing it, or by `exit` in a function that a native one called; or else the
/// error.
pub(crate) fn answer_in(error: Box<EvalAltResult>) -> Result<ScriptResponse, Box<EvalAltResult>> {
    let (_, root) = unwind(&error);
    let answer = match root {
        EvalAltResult::ErrorRuntime(value, _) => response::of_thrown(value),
        EvalAltResult::Exit(value, _) => Some(response::of_returned(value.clone())),
        _ => None,
    };
    match answer {
        Some(answer) => {
            let position = root.position();
            answer.map_err(|fault| placed(fault, position))
        }
        None => Err(error),
    }
}

/// Whether a script ended by `exit`, which gives its answer, and not by throwing one.
pub(crate) fn is_exit(error: &EvalAltResult) -> bool {
    matches!(unwind(error).1, EvalAltResult::Exit(..))
}

/// What is needed to explain an error.
pub(crate) struct Explainer<'a> {
    /// The engine that the script ran on.
    pub(crate) engine: &'a Engine,
    /// The script.
    pub(crate) ast: &'a AST,
    /// Its source.
    pub(crate) source: &'a str,
}

impl Explainer<'_> {
    /// What the result of a script means that did not simply answer: it failed, or was ended for the reason in
    /// `verdict`, whatever it returned.
    pub(crate) fn conclude(
        &self,
        result: Result<ScriptResponse, Box<EvalAltResult>>,
        verdict: Option<(ScriptErrorKind, String)>,
    ) -> Result<ScriptResponse, ScriptError> {
        match (result, verdict) {
            (Ok(response), None) => Ok(response),
            (Ok(_), Some((kind, message))) => Err(explained(self.source, Position::NONE, kind, &message)),
            (Err(error), verdict) => Err(self.explain(&error, verdict)),
        }
    }

    fn explain(&self, error: &EvalAltResult, verdict: Option<(ScriptErrorKind, String)>) -> ScriptError {
        let (frames, root) = unwind(error);
        let position = std::iter::once(position(root))
            .chain(frames.iter().map(|(_, position)| *position))
            .find(|position| !position.is_none())
            .unwrap_or(Position::NONE);
        let (kind, message) = verdict.unwrap_or_else(|| (kind(root), message(self, root)));
        let trace = frames
            .into_iter()
            .take(FRAMES_MAX)
            .map(|(function, position)| frame(function, position));
        ScriptError {
            trace: trace.collect(),
            ..explained(self.source, position, kind, &message)
        }
    }
}

/// A script that does not compile.
pub(crate) fn compile_error(source: &str, fault: Diagnostic) -> ScriptError {
    let place = |number| u16::try_from(number).unwrap_or(u16::MAX);
    ScriptError {
        kind: ScriptErrorKind::Compile,
        excerpt: excerpt(
            source,
            Position::new(place(fault.line).max(1), place(fault.column)),
        ),
        message: fault.message,
        line: Some(fault.line),
        column: Some(fault.column),
        trace: Vec::new(),
    }
}

/// PiCloud's own fault.
pub(crate) fn internal_error(message: &str) -> ScriptError {
    explained("", Position::NONE, ScriptErrorKind::Internal, message)
}

/// An error that is not at any place of the script.
pub(crate) fn host_error(kind: ScriptErrorKind, message: &str) -> ScriptError {
    explained("", Position::NONE, kind, message)
}

fn explained(source: &str, position: Position, kind: ScriptErrorKind, message: &str) -> ScriptError {
    ScriptError {
        kind,
        message: bounded(message),
        line: line(position),
        column: line(position).map(|_| column(position)),
        excerpt: excerpt(source, position),
        trace: Vec::new(),
    }
}

/// The calls that led to the error, innermost first, and the error itself.
fn unwind(error: &EvalAltResult) -> (Vec<(&str, Position)>, &EvalAltResult) {
    let mut frames = Vec::new();
    let mut error = error;
    while let EvalAltResult::ErrorInFunctionCall(function, _, inner, position) = error {
        frames.push((function.as_str(), *position));
        error = inner;
    }
    frames.reverse();
    (frames, error)
}

fn kind(error: &EvalAltResult) -> ScriptErrorKind {
    match error {
        EvalAltResult::ErrorStackOverflow(_) => ScriptErrorKind::Depth,
        EvalAltResult::ErrorTerminated(cause, _) => cause
            .read_lock::<Failure>()
            .map_or(ScriptErrorKind::Internal, |failure| failure.kind),
        EvalAltResult::ErrorSystem(..) => ScriptErrorKind::Internal,
        _ => ScriptErrorKind::Runtime,
    }
}

fn frame(function: &str, position: Position) -> TraceFrame {
    TraceFrame {
        function: if names::is_closure(function) {
            "closure".to_owned()
        } else {
            function.to_owned()
        },
        line: line(position).unwrap_or(0),
        column: column(position),
    }
}

fn line(position: Position) -> Option<u32> {
    position.line().and_then(|line| u32::try_from(line).ok())
}

/// The column, from 1; Rhai has 0 for the place before a line's first character.
fn column(position: Position) -> u32 {
    position
        .position()
        .and_then(|column| u32::try_from(column).ok())
        .unwrap_or(u32::from(!position.is_none()))
}

fn bounded(message: &str) -> String {
    if message.len() <= MESSAGE_BYTES_MAX {
        return message.to_owned();
    }
    format!("{}…", &message[..message.floor_char_boundary(MESSAGE_BYTES_MAX)])
}
