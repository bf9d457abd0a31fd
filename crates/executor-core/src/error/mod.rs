//! From Rhai's errors and the guard's verdicts to errors that help the author of a script.

mod called;
mod diagnostic;
mod excerpt;
mod message;
mod module;
mod names;
mod verdict;

use std::rc::Rc;

use picloud_shared::outcome::{Diagnostic, ScriptError, ScriptErrorKind, ScriptResponse, TraceFrame};
use rhai::{AST, Dynamic, Engine, EvalAltResult, NativeCallContext, Position};

pub(crate) use self::{
    called::{failed_in_call, returned, thrown, thrown_in_call},
    diagnostic::{diagnostic, parse_diagnostic, script_modules},
    message::FUNCTIONS_SEE_PARAMETERS,
    module::ModuleFault,
    names::{Functions, is_closure, nearest},
};
use self::{excerpt::excerpt, message::message};
use crate::{modules::ModuleSet, response};

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
    /// The script in which that is, if it is one that is imported.
    script: Option<String>,
    /// What it is, if that was told where it happened, in a script that was called.
    explained: Option<Rc<ScriptError>>,
}

/// Ends the run with an error of `kind`.
#[expect(clippy::unnecessary_box_returns, reason = "Rhai passes errors in a box")]
pub(crate) fn failure(kind: ScriptErrorKind, message: impl Into<String>) -> Box<EvalAltResult> {
    let failure = Failure {
        kind,
        message: message.into(),
        position: Position::NONE,
        script: None,
        explained: None,
    };
    EvalAltResult::ErrorTerminated(Dynamic::from(failure), Position::NONE).into()
}

/// `error` at `position`, unless it has a place already.
#[expect(clippy::unnecessary_box_returns, reason = "Rhai passes errors in a box")]
pub(crate) fn placed(
    mut error: Box<EvalAltResult>,
    position: Position,
    script: Option<&str>,
) -> Box<EvalAltResult> {
    if let EvalAltResult::ErrorTerminated(cause, _) = &mut *error
        && let Some(mut failure) = cause.write_lock::<Failure>()
        && failure.position.is_none()
    {
        failure.position = position;
        failure.script = script.map(str::to_owned);
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
    act().map_err(|error| placed(error, context.call_position(), script_of(context)))
}

/// The script in which a native function is called, if it is one that is imported.
pub(crate) fn script_of<'a>(context: &'a NativeCallContext<'_>) -> Option<&'a str> {
    context.call_source()
}

/// Where `error` happened, as far as it knows, for one in `script`.
fn place<'e>(error: &'e EvalAltResult, script: Option<&'e str>) -> (Position, Option<String>) {
    if let EvalAltResult::ErrorTerminated(cause, _) = error
        && let Some(failure) = cause.read_lock::<Failure>()
        && !failure.position.is_none()
    {
        return (failure.position, failure.script.clone());
    }
    (error.position(), script.map(str::to_owned))
}

/// The answer that a script gave by throwing it, or by `exit` in a function that a native one called; or else the
/// error.
pub(crate) fn answer_in(error: Box<EvalAltResult>) -> Result<ScriptResponse, Box<EvalAltResult>> {
    let root = unwind(&error).root;
    let answer = match root {
        EvalAltResult::ErrorRuntime(value, _) => response::of_thrown(value),
        EvalAltResult::Exit(value, _) => Some(response::of_returned(value.clone())),
        _ => None,
    };
    match answer {
        Some(answer) => {
            let position = root.position();
            answer.map_err(|fault| placed(fault, position, None))
        }
        None => Err(error),
    }
}

/// Whether a script ended by `exit`, which gives its answer, and not by throwing one.
pub(crate) fn is_exit(error: &EvalAltResult) -> bool {
    matches!(unwind(error).root, EvalAltResult::Exit(..))
}

/// What is needed to explain an error.
#[derive(Clone, Copy)]
pub(crate) struct Explainer<'a> {
    /// The engine that the script ran on.
    pub(crate) engine: &'a Engine,
    /// The script.
    pub(crate) ast: &'a AST,
    /// Its source.
    pub(crate) source: &'a str,
    /// What it imports.
    pub(crate) modules: &'a ModuleSet,
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

    /// What `error` means, and where it is; for one in the script itself.
    pub(crate) fn say(
        &self,
        error: &EvalAltResult,
        verdict: Option<(ScriptErrorKind, String)>,
    ) -> (String, Position) {
        let root = unwind(error).root;
        let message = verdict.map_or_else(|| message(self, root), |(_, message)| message);
        (
            self.modules.without_marks(&message).into_owned(),
            place(root, None).0,
        )
    }

    /// What `error` means, and where it is.
    pub(crate) fn explain(
        &self,
        error: &EvalAltResult,
        verdict: Option<(ScriptErrorKind, String)>,
    ) -> ScriptError {
        let unwound = unwind(error);
        if verdict.is_none()
            && let Some(mut explained) = called::explained(&unwound)
        {
            let calls = unwound.calls.into_iter().map(|call| call.frame(self.modules));
            explained.trace.extend(calls);
            explained.trace.truncate(FRAMES_MAX);
            return explained;
        }
        let Unwound {
            calls, root, script, ..
        } = unwound;
        let (position, script) = std::iter::once(place(root, script))
            .chain(
                calls
                    .iter()
                    .map(|call| (call.position, call.script.map(str::to_owned))),
            )
            .find(|(position, _)| !position.is_none())
            .unwrap_or((Position::NONE, None));
        let imported = script.as_deref().and_then(|script| self.modules.find(script));
        let there = imported.map_or(*self, |module| Explainer {
            ast: &module.ast,
            source: &module.source,
            ..*self
        });
        let (kind, message) = verdict.unwrap_or_else(|| {
            let message = message(&self.whose_function(root, there), root);
            (kind(root), self.modules.without_marks(&message).into_owned())
        });
        let calls = calls.into_iter().take(FRAMES_MAX);
        let trace = calls.map(|call| call.frame(self.modules));
        ScriptError {
            trace: trace.collect(),
            script,
            ..explained(there.source, position, kind, &message)
        }
    }

    /// The script of whose function `error` tells, which was in `there`: another one may have handed that in.
    fn whose_function(&self, error: &EvalAltResult, there: Self) -> Self {
        let EvalAltResult::ErrorFunctionNotFound(signature, _) = error else {
            return there;
        };
        let name = signature.split(" (").next().unwrap_or(signature);
        if let Some(module) = self.modules.iter().find(|module| module.own.has_mark(name)) {
            return Self {
                ast: &module.ast,
                source: &module.source,
                ..*self
            };
        }
        let has_it = |ast: &AST| ast.iter_functions().any(|function| function.name == name);
        if !has_it(there.ast) && has_it(self.ast) {
            *self
        } else {
            there
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
        script: None,
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
        script: None,
        line: line(position),
        column: line(position).map(|_| column(position)),
        excerpt: excerpt(source, position),
        trace: Vec::new(),
    }
}

/// An error with the calls that led to it.
struct Unwound<'e> {
    /// Innermost first.
    calls: Vec<Call<'e>>,
    /// The error itself.
    root: &'e EvalAltResult,
    /// The script in which it is, if that is one that is imported.
    script: Option<&'e str>,
    /// Whether it was thrown by a script that was called.
    is_called: bool,
}

/// A call on the way to an error.
struct Call<'e> {
    function: &'e str,
    position: Position,
    /// The script in which the call is, if that is one that is imported.
    script: Option<&'e str>,
}

fn unwind(error: &EvalAltResult) -> Unwound<'_> {
    let mut calls = Vec::new();
    let mut script = None;
    let mut is_called = false;
    let mut root = error;
    while let EvalAltResult::ErrorInFunctionCall(function, called, inner, position) = root {
        calls.push(Call {
            function,
            position: *position,
            script,
        });
        if called == called::MARK {
            root = inner;
            is_called = true;
            break;
        }
        // Only scripts that are imported have a name here.
        script = Some(called.as_str()).filter(|script| !script.is_empty());
        root = inner;
    }
    calls.reverse();
    Unwound {
        calls,
        root,
        script,
        is_called,
    }
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

impl Call<'_> {
    fn frame(self, modules: &ModuleSet) -> TraceFrame {
        TraceFrame {
            function: if names::is_closure(self.function) {
                "closure".to_owned()
            } else {
                modules.without_marks(self.function).into_owned()
            },
            script: self.script.map(str::to_owned),
            line: line(self.position).unwrap_or(0),
            column: column(self.position),
        }
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
