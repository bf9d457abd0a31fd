//! `script::…`

use std::time::Instant;

use picloud_shared::services::Service;
use rhai::{Dynamic, Module, export_module, exported_module};

use super::session::{call, micros};
use crate::{
    api::{Fallible, fail},
    coroutine,
    request::Argument,
};

/// The module as scripts see it.
pub(crate) fn module() -> Module {
    exported_module!(functions)
}

/// Other scripts of the app, to be called. One that is called runs within its own limits, as a part of the transaction
/// of its caller.
#[export_module(export_all)]
mod functions {
    use rhai::{Dynamic, NativeCallContext};

    use crate::{api::Fallible, error::at_call, services::script};

    /// Runs another script of the app, of the same release, and gives what it returns. That script sees the request of
    /// its caller. What it throws is thrown here; then nothing of what it has written stays. So is a map with `kind` and
    /// `message` if it fails or uses more than it may.
    ///
    /// ```rhai
    /// script::call("greeting")  //=> "Hello, nobody"
    /// ```
    #[rhai_fn(name = "call", return_raw, volatile)]
    fn call(ctx: NativeCallContext, name: &str) -> Fallible<Dynamic> {
        call_with(ctx, name, Dynamic::UNIT)
    }

    /// The same with something to work on, which the other script has as `request.argument`: it gets a copy. Data can be
    /// handed over, and responses; functions cannot.
    ///
    /// ```rhai
    /// script::call("greeting", #{name: "Ada"})  //=> "Hello, Ada"
    /// ```
    #[rhai_fn(name = "call", return_raw, volatile)]
    fn call_with(ctx: NativeCallContext, name: &str, argument: Dynamic) -> Fallible<Dynamic> {
        at_call(&ctx, || script::call_script(name, argument))
    }
}

fn call_script(name: &str, argument: Dynamic) -> Fallible<Dynamic> {
    call(Service::Script, |session| {
        let begun = Instant::now();
        let argument = Argument::new("script::call hands over", argument)?;
        let Some(run) = coroutine::current() else {
            return Err(fail("there are no other scripts here"));
        };
        let Some(caller) = run.caller.get() else {
            return Err(fail("there are no other scripts here"));
        };
        let result = caller.call(&run, name, argument);
        session.meter(Service::Script, |used| used.duration_us += micros(begun));
        result
    })
}
