//! The functions.

use rhai::{Module, export_module, exported_module};

/// The module as scripts see it.
pub(crate) fn module() -> Module {
    exported_module!(functions)
}

/// Secrets of the app, such as keys of other services. They are set in its settings and never shown again; scripts
/// alone read them.
///
/// A secret of at least 6 bytes that a run has got is replaced by `[secret NAME]` in its log, its errors and its record.
/// In the answer it is not: what a script sends is sent.
#[export_module(export_all)]
mod functions {
    use picloud_shared::services::Service;
    use rhai::NativeCallContext;

    use crate::{
        api::Fallible,
        error::at_call,
        services::{secret, session::call},
    };

    /// The value of a secret. It is an error if the app has none of this name.
    ///
    /// ```rhai
    /// secret::get("API_KEY")    //=> "an example"
    /// secret::get("NO_SUCH")    //=> error: has no secret `NO_SUCH`
    /// secret::get("not a name") //=> error: a name has 1 to 64 characters
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn get(ctx: NativeCallContext, name: &str) -> Fallible<String> {
        at_call(&ctx, || {
            call(Service::Secret, |session| secret::get(session, name))
        })
    }

    /// Whether the app has a secret of this name.
    ///
    /// ```rhai
    /// secret::has("API_KEY")  //=> true
    /// secret::has("NO_SUCH")  //=> false
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn has(ctx: NativeCallContext, name: &str) -> Fallible<bool> {
        at_call(&ctx, || {
            call(Service::Secret, |session| secret::has(session, name))
        })
    }
}
