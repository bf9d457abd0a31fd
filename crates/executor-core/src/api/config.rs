//! `config::…`

use std::sync::Arc;

use rhai::{Dynamic, Module, export_module, exported_module};

use super::argument::Fallible;
use crate::{coroutine::with_current, json};

/// The module as scripts see it.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

/// Values that are set in the app's settings, as any JSON. They are part of its releases: a run sees those of the
/// release that it began with, and restoring a release brings its values back. Keep what nobody is to read in secrets.
#[export_module(export_all)]
mod functions {
    use picloud_shared::secret::{InvalidSettingName, SettingName};
    use rhai::{Dynamic, NativeCallContext};

    use crate::{
        api::argument::{Fallible, fail},
        error::at_call,
    };

    /// A value. It is an error if the app has none of this name.
    ///
    /// ```rhai
    /// config::get("GREETING")  //=> "Hello"
    /// config::get("LIMITS").max  //=> 10
    /// config::get("NO_SUCH")   //=> error: has no value `NO_SUCH`
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn get(ctx: NativeCallContext, name: &str) -> Fallible<Dynamic> {
        at_call(&ctx, || {
            super::look_up(name)?.ok_or_else(|| {
                // It may be as long as the script likes, and is repeated in no message.
                if name.parse::<SettingName>().is_err() {
                    return fail(format!("config::get: {InvalidSettingName}"));
                }
                fail(format!(
                    "config::get: this app has no value `{name}`; an editor sets it with PUT \
                 /api/v1/admin/apps/<app>/config/{name}, or give a second argument for when it is not set"
                ))
            })
        })
    }

    /// A value, or another one if the app has none of this name.
    ///
    /// ```rhai
    /// config::get("GREETING", "Hi")  //=> "Hello"
    /// config::get("NO_SUCH", 5)      //=> 5
    /// ```
    #[rhai_fn(name = "get", return_raw, volatile)]
    fn get_or(ctx: NativeCallContext, name: &str, default: Dynamic) -> Fallible<Dynamic> {
        at_call(&ctx, || Ok(super::look_up(name)?.unwrap_or(default)))
    }
}

fn look_up(name: &str) -> Fallible<Option<Dynamic>> {
    let text = with_current(|run| run.and_then(|run| run.config.get()?.get(name).map(Arc::clone)));
    text.map(|text| Ok(json::parse_text(&text)?)).transpose()
}
