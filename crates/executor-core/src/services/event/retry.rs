//! `retry::…`

use std::time::Duration;

use picloud_shared::{
    events::RETRY_AFTER_MAX,
    outcome::{RetryWish, ScriptErrorKind},
};
use rhai::{Module, export_module, exported_module};

use crate::{
    api::{Fallible, fail},
    coroutine::with_current,
    error::failure,
};

/// The error of a run that is not to be tried again, and does not say why.
const NEVER: &str = "the script asks not to be run again";

/// The module as scripts see it.
pub(crate) fn module() -> Module {
    exported_module!(functions)
}

/// Says what becomes of the event of a run that fails.
///
/// An event whose run fails is tried again, later and later, until it has been tried often enough. These end the run with
/// an error that cannot be caught, so that nothing that it wrote takes effect, and change what comes then. In a run for a
/// request there is nothing to change.
#[export_module(export_all)]
mod functions {
    use picloud_shared::outcome::RetryWish;
    use rhai::NativeCallContext;

    use crate::{
        api::Fallible,
        error::at_call,
        services::event::retry::{NEVER, again_in, end, seconds, seconds_float},
    };

    /// Ends the run, and has its event not tried again: it is set aside as dead.
    ///
    /// ```rhai
    /// retry::never()  //=> error: the script asks not to be run again
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn never(ctx: NativeCallContext) -> Fallible<()> {
        at_call(&ctx, || end(RetryWish::Never, NEVER.to_owned()))
    }

    /// The same, with a reason.
    ///
    /// ```rhai
    /// retry::never("there is no order 7")  //=> error: there is no order 7
    /// ```
    #[rhai_fn(name = "never", return_raw, volatile)]
    fn never_because(ctx: NativeCallContext, reason: &str) -> Fallible<()> {
        at_call(&ctx, || end(RetryWish::Never, reason.to_owned()))
    }

    /// Ends the run, and has its event tried again after so many seconds, up to a day, but no later than when the event
    /// is too old. That counts as a try.
    ///
    /// ```rhai
    /// retry::after(30)  //=> error: the script asks to be run again in 30 s
    /// retry::after(-1)  //=> error: from 0 to 86400
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn after(ctx: NativeCallContext, seconds: i64) -> Fallible<()> {
        at_call(&ctx, || {
            let delay = self::seconds(seconds)?;
            end(RetryWish::After(delay), again_in(delay))
        })
    }

    /// The same, with a fraction of a second.
    ///
    /// ```rhai
    /// retry::after(0.5)  //=> error: the script asks to be run again in 0.5 s
    /// ```
    #[rhai_fn(name = "after", return_raw, volatile)]
    fn after_float(ctx: NativeCallContext, seconds: f64) -> Fallible<()> {
        at_call(&ctx, || {
            let delay = seconds_float(seconds)?;
            end(RetryWish::After(delay), again_in(delay))
        })
    }

    /// The same as `retry::after(seconds)`, with a reason.
    ///
    /// ```rhai
    /// retry::after(30, "the shop is closed")  //=> error: the shop is closed
    /// ```
    #[rhai_fn(name = "after", return_raw, volatile)]
    fn after_because(ctx: NativeCallContext, seconds: i64, reason: &str) -> Fallible<()> {
        at_call(&ctx, || {
            let delay = self::seconds(seconds)?;
            end(RetryWish::After(delay), reason.to_owned())
        })
    }
}

/// Ends the run with an error that no script catches, so that `wish` always is that of a run that failed.
fn end(wish: RetryWish, reason: String) -> Fallible<()> {
    with_current(|run| {
        if let Some(run) = run {
            run.session().wish(wish);
        }
    });
    Err(failure(ScriptErrorKind::Runtime, reason))
}

/// The error of a run that is to be tried again after `delay`, and does not say why.
fn again_in(delay: Duration) -> String {
    format!("the script asks to be run again in {} s", delay.as_secs_f64())
}

fn seconds(seconds: i64) -> Fallible<Duration> {
    u64::try_from(seconds)
        .map(Duration::from_secs)
        .ok()
        .filter(|delay| *delay <= RETRY_AFTER_MAX)
        .ok_or_else(out_of_range)
}

fn seconds_float(seconds: f64) -> Fallible<Duration> {
    let range = 0.0..=RETRY_AFTER_MAX.as_secs_f64();
    if range.contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(out_of_range())
    }
}

#[expect(
    clippy::unnecessary_box_returns,
    reason = "the form in which Rhai takes errors"
)]
fn out_of_range() -> Box<rhai::EvalAltResult> {
    fail(format!(
        "retry::after takes a number of seconds from 0 to {}",
        RETRY_AFTER_MAX.as_secs()
    ))
}
