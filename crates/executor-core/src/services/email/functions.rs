//! The functions.

use rhai::{Module, export_module, exported_module};

/// The module as scripts see it.
pub(crate) fn module() -> Module {
    exported_module!(functions)
}

/// E-mail, by the mail server of the app or else that of the instance.
///
/// A run sends at most 10, each to at most 20 people and with at most 4 MiB. What was not sent throws a map with `kind` and
/// `message`. The kinds are `not_configured`, `invalid`, `sender`, `blocked`, `too_many`, `busy`, `sign_in`, `tls`,
/// `recipient` (with the address as `recipient`), `refused`, `unavailable`, `timeout`, and `unknown`, with which it may have
/// been sent.
///
/// A run that has sent one is not repeated after a conflict; see the module `transaction`.
#[export_module(export_all)]
mod functions {
    use picloud_shared::services::Service;
    use rhai::{Map, NativeCallContext};

    use crate::{
        api::Fallible,
        error::at_call,
        services::{
            email::{self, draft},
            session::call,
        },
    };

    /// Sends an e-mail: `to` (an address, or an array of them), `subject`, and `text`, `html` or both. If wanted: `cc` and
    /// `bcc` like `to`, `reply_to`, `from` (one that the mail server may be used with), and `attachments`, an array of maps
    /// with `name`, `content` (text or a blob) and `type`. An address may have a name: `Ada <ada@example.com>`.
    ///
    /// All who are named get it, or nobody does.
    ///
    /// ```rhai
    /// email::send(#{to: "Ada <ada@example.com>", subject: "Hello", text: "How are you?"})  //=> ()
    /// email::send(#{to: "ada@example.com", text: "How are you?"})       //=> error: no `subject`
    /// email::send(#{to: "ada", subject: "Hello", text: "How are you?"}) //=> error: to: an address looks like
    /// let mail = #{
    ///     to: ["ada@example.com", "tom@example.com"],
    ///     subject: "The numbers",
    ///     html: "<p>They are attached.</p>",
    ///     attachments: [#{name: "numbers.csv", content: "a,b\n1,2\n", type: "text/csv"}],
    /// };
    /// email::send(mail)                                                 //=> ()
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn send(ctx: NativeCallContext, email: Map) -> Fallible<()> {
        at_call(&ctx, || {
            call(Service::Email, |session| {
                let (email, bytes) = draft::read(&email)?;
                email::send(session, &email, bytes)
            })
        })
    }
}
