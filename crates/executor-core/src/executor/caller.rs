//! Scripts that scripts call.
//!
//! A script that is called has a run of its own, on a stack of its own, for which the run that calls waits in place. So
//! its own limits end it, and nothing else; what is left to its caller bounds it too. Its transaction and its log are
//! those of its caller.

use std::{rc::Rc, sync::Arc};

use picloud_shared::{
    invocation::DEPTH_MAX,
    outcome::{ScriptError, ScriptErrorKind},
    script::{AppScripts, InvalidScriptName, LiveScript, ScriptName},
};
use rhai::{Dynamic, EvalAltResult, Map};

use super::{Form, Given, Shared};
use crate::{
    api::{Fallible, fail},
    bounds::Bounds,
    coroutine::Task,
    error::{
        Explainer, failed_in_call, failure, host_error, nearest, placed, returned, thrown, thrown_in_call,
    },
    gate,
    guard::Verdict,
    prepare::Prepared,
    request::{Argument, Request},
    run::{Call, Run, Settings},
};

/// Names of scripts that are listed for somebody who calls one that is not there.
const NAMES_SHOWN_MAX: usize = 10;

/// What a run needs to call other scripts of its app.
pub(crate) struct Caller {
    shared: Rc<Shared>,
    scripts: AppScripts,
    request: Request,
}

/// How a script ended that was called.
enum Ending {
    /// With this value.
    Answered(Dynamic),
    /// With an error, which its caller may catch as this value.
    Threw(Dynamic, ScriptError),
    /// It used more than it may.
    Stopped(Verdict, ScriptError),
    /// With an error that ends all that the invocation began.
    Failed(ScriptError),
}

impl Caller {
    /// Of a run of what is given.
    pub(super) fn new(shared: &Rc<Shared>, given: &Given) -> Self {
        Self {
            shared: Rc::clone(shared),
            scripts: given.scripts.clone(),
            request: given.request.clone(),
        }
    }

    /// Has `run`, whose this is, call a script; gives what that returned.
    pub(crate) fn call(&self, run: &Rc<Run>, name: &str, argument: Argument) -> Fallible<Dynamic> {
        let live = self.find(name)?;
        if run.depth >= DEPTH_MAX {
            return Err(failure(
                ScriptErrorKind::LoopDetected,
                format!(
                    "more than {DEPTH_MAX} calls lead from script to script; the last one would have been of `{name}`"
                ),
            ));
        }
        let settings = Settings::of_call(run, live);
        let script = match gate::wait(Box::pin(self.shared.prepare(live, &settings)))? {
            Ok(script) => script,
            Err(outcome) => {
                let error = outcome.result.err();
                let error = error.unwrap_or_else(|| host_error(ScriptErrorKind::Internal, "not prepared"));
                return Err(raised(run, threw(None, in_script(error, live))));
            }
        };
        let given = Given {
            live: Arc::clone(live),
            scripts: self.scripts.clone(),
            script,
            request: self.request.with_argument(argument),
        };
        self.run(run, settings, given)
    }

    /// Runs what is given within what is left to `run`.
    fn run(&self, run: &Rc<Run>, settings: Settings, given: Given) -> Fallible<Dynamic> {
        let own = Bounds::of(&given.live.limits);
        let bounds = own.within(&run.guard.left());
        let part = run.session().begin_part();
        let call = Call {
            by: Rc::clone(run),
            name: given.live.name.clone(),
        };
        let shared = Rc::clone(&self.shared);
        let body = move |run: &Run| (shared.run_called(run, &given), given);
        let Ok(task) = Task::called(&self.shared.home, bounds, settings, Some(call), body) else {
            run.session().roll_back_part(part);
            return Err(failure(ScriptErrorKind::Internal, super::NO_STACK));
        };
        let ((ending, given), called) = gate::wait(task)?;
        gate::spend_called(run, called.guard.operations())?;
        // Its memory is nobody's, and if it left the cache meanwhile, this is its end.
        gate::not_counting(|| drop(given.script));
        let ending = match ending {
            Ending::Stopped(verdict, error) if own.are_broken_by(verdict, &bounds) => threw(None, error),
            ending => ending,
        };
        if let Ending::Answered(value) = ending {
            run.session().keep_part(part);
            return Ok(value);
        }
        run.session().roll_back_part(part);
        Err(raised(run, ending))
    }

    fn find(&self, name: &str) -> Fallible<&Arc<LiveScript>> {
        match self.scripts.find(name) {
            Some(script) if script.suspended => Err(fail(format!(
                "script::call: `{name}` is suspended, because the server ended more than once while it ran; save a new \
                 version or resume it"
            ))),
            Some(script) => Ok(script),
            // It may be as long as the script likes, and is repeated in no message.
            None if name.parse::<ScriptName>().is_err() => {
                Err(fail(format!("script::call: {InvalidScriptName}")))
            }
            None => {
                let mut shown: Vec<_> = self.scripts.names().take(NAMES_SHOWN_MAX).collect();
                if self.scripts.names().count() > shown.len() {
                    shown.push("others");
                }
                let meant = nearest(name, self.scripts.names()).map_or_else(
                    || match shown[..] {
                        [] => String::new(),
                        _ => format!("; there is {}", shown.join(", ")),
                    },
                    |name| format!("; did you mean `{name}`?"),
                );
                Err(fail(format!(
                    "script::call: there is no script `{name}` in this app{meant}"
                )))
            }
        }
    }
}

impl Shared {
    /// Runs a script that was called, on the coroutine that this is called on. What it gives holds nothing that is
    /// shared with another value of the run.
    fn run_called(self: &Rc<Self>, run: &Run, given: &Given) -> Ending {
        let Given {
            live,
            script,
            request,
            ..
        } = given;
        let _emptied = self.begin(run, given);
        let engine = self.engine(Form::running(&live.limits, script));
        self.catch(|| {
            let mut scope = self.scopes.take();
            let result = script
                .run(&engine, &mut scope, request.clone())
                .or_else(returned)
                .and_then(|value| answer_of(script, live, value));
            self.scopes.give(scope);
            let verdict = run.guard.verdict();
            let (error, verdict) = match (result, verdict) {
                (Ok(value), None) => return Ending::Answered(value),
                (Ok(_), Some(verdict)) => (None, Some(verdict)),
                (Err(error), verdict) => (Some(error), verdict),
            };
            let explainer = Explainer {
                engine: &engine,
                ast: script.ast(),
                source: &live.source,
                modules: script.modules(),
            };
            let told = verdict.map(|verdict| (verdict.kind(), verdict.message(&live.limits)));
            let told = match (&error, told) {
                (None, Some((kind, message))) => host_error(kind, &message),
                (None, None) => {
                    host_error(ScriptErrorKind::Internal, "it has neither an answer nor an error")
                }
                (Some(error), told) => explainer.explain(error, told),
            };
            let told = in_script(told, live);
            match verdict {
                Some(verdict) => Ending::Stopped(verdict, told),
                None if run.session().has_failed() => Ending::Failed(told),
                None => threw(error.as_deref(), told),
            }
        })
        .unwrap_or_else(|| Ending::Failed(host_error(ScriptErrorKind::Internal, super::BROKE_PICLOUD)))
    }
}

/// What a script gives to its caller that returned `value`.
fn answer_of(script: &Prepared, live: &LiveScript, value: Dynamic) -> Fallible<Dynamic> {
    Argument::new("a script that is called returns", value)
        .map(Argument::into_value)
        .map_err(|fault| placed(fault, script.place_of_answer(&live.source), None))
}

/// The end of a script with an error, which is explained.
fn threw(error: Option<&EvalAltResult>, explained: ScriptError) -> Ending {
    if matches!(
        explained.kind,
        ScriptErrorKind::LoopDetected | ScriptErrorKind::Internal
    ) {
        return Ending::Failed(explained);
    }
    let value = error.and_then(thrown).and_then(|value| {
        let value = Argument::new("a script that is called throws", value.clone());
        value.ok().map(Argument::into_value)
    });
    let value = value.unwrap_or_else(|| described(&explained));
    Ending::Threw(value, explained)
}

/// An error for a caller that may catch it.
fn described(error: &ScriptError) -> Dynamic {
    let kind = serde_json::to_value(error.kind).ok();
    let kind = kind.as_ref().and_then(|kind| kind.as_str()).unwrap_or_default();
    let number = |number: Option<u32>| number.map_or(Dynamic::UNIT, |number| i64::from(number).into());
    Dynamic::from_map(Map::from([
        ("kind".into(), kind.into()),
        ("message".into(), error.message.as_str().into()),
        (
            "script".into(),
            error.script.as_deref().unwrap_or_default().into(),
        ),
        ("line".into(), number(error.line)),
        ("column".into(), number(error.column)),
    ]))
}

/// The same error, seen from a script that called this one.
fn in_script(mut error: ScriptError, live: &LiveScript) -> ScriptError {
    let name = || live.name.as_str().to_owned();
    error.script.get_or_insert_with(name);
    for frame in &mut error.trace {
        frame.script.get_or_insert_with(name);
    }
    error
}

/// The error of the call that ended like this.
#[expect(clippy::unnecessary_box_returns, reason = "Rhai passes errors in a box")]
fn raised(run: &Run, ending: Ending) -> Box<EvalAltResult> {
    match ending {
        Ending::Threw(value, error) => thrown_in_call(run, value, error),
        Ending::Failed(error) => failed_in_call(error),
        // It had what was left to its caller, and that is used up.
        Ending::Stopped(verdict, _) => gate::stop(run, verdict),
        Ending::Answered(_) => fail("the call has no error"),
    }
}
