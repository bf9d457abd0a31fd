//! The functions.

use rhai::{Module, export_module, exported_module};

/// The module as scripts see it.
pub(crate) fn module() -> Module {
    exported_module!(functions)
}

/// Passwords that a script keeps itself. Whoever only wants people to sign in uses the module `users`.
#[export_module(export_all)]
mod functions {
    use picloud_shared::services::{PasswordQuestion, Service};
    use rhai::NativeCallContext;

    use crate::{
        api::Fallible,
        error::at_call,
        services::{password, session::call},
    };

    /// The hash of a password (Argon2id, with a salt of its own): a text to be stored in its place. It takes tens of
    /// milliseconds, in which other runs go on, and counts as 100,000 steps. If too many wait already, it throws an error with
    /// `status` 503.
    ///
    /// ```rhai
    /// password::verify("correct horse", password::hash("correct horse"))  //=> true
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn hash(ctx: NativeCallContext, password: &str) -> Fallible<String> {
        at_call(&ctx, || {
            let password = password::valid("password::hash", password)?;
            call(Service::Password, |session| password::hash(session, password))
        })
    }

    /// Whether a password is the one behind a hash that `password::hash` made.
    ///
    /// ```rhai
    /// password::verify("wrong horse", password::hash("correct horse"))  //=> false
    /// password::verify("correct horse", "correct horse")                //=> error: not a hash
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn verify(ctx: NativeCallContext, password: &str, hash: &str) -> Fallible<bool> {
        at_call(&ctx, || {
            /// Longer than any that is made.
            const HASH_BYTES_MAX: usize = 512;
            let question = PasswordQuestion::Verify {
                password: password::valid("password::verify", password)?,
                hash: hash[..hash.floor_char_boundary(HASH_BYTES_MAX)].to_owned(),
            };
            call(Service::Password, |session| password::fits(session, &question))
        })
    }
}
