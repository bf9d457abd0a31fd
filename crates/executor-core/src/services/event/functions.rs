//! The functions.

use rhai::{Module, export_module, exported_module};

/// The module as scripts see it.
pub(crate) fn module() -> Module {
    exported_module!(functions)
}

/// Events, for other scripts of the app.
///
/// An event has a topic, a text of 1 to 128 of `a-z`, `A-Z`, `0-9`, `.`, `_`, `-`, `/` and `:`, and data: a blob, or
/// whatever JSON can hold, of at most 256 KiB. It goes to each script that subscribes to its topic; there it is
/// `request.event`. Emitting is part of the transaction: an event is on its way when the run has ended well, and a run
/// that throws, or is stopped, has emitted nothing. Once it is on its way it is not lost, and each of its scripts runs
/// until it has succeeded or has been tried often enough. One transaction emits at most 100 events.
#[export_module(export_all)]
mod functions {
    use picloud_shared::services::Service;
    use rhai::{Dynamic, Map, NativeCallContext};

    use crate::{
        api::Fallible,
        error::at_call,
        services::{
            event::{self, options::Options},
            session::call,
        },
    };

    /// Emits an event, and gives the id that it has.
    ///
    /// ```rhai
    /// uuid::is_valid(event::emit("orders.placed", #{order: 7}))  //=> true
    /// event::emit("picloud.mine", 1)                             //=> error: PiCloud's own
    /// event::emit("two words", 1)                                //=> error: a topic
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn emit(ctx: NativeCallContext, topic: &str, data: Dynamic) -> Fallible<String> {
        at_call(&ctx, || {
            let topic = event::topic(topic)?;
            let data = event::data(&data)?;
            call(Service::Event, |session| {
                event::emit(session, topic, data, Options::default())
            })
        })
    }

    /// Emits an event with options: `key`, a text of at most 256 bytes, so that subscribers that ask for order get events
    /// of one key one after the other; `delay`, in seconds, or `at`, a moment as of `time::now()`, before which it goes to
    /// nobody; `subject`, what it is about.
    ///
    /// ```rhai
    /// let options = #{key: "customer-7", delay: 60, subject: "orders/7"};
    /// uuid::is_valid(event::emit("orders.placed", #{order: 7}, options))               //=> true
    /// uuid::is_valid(event::emit("a", (), #{at: time::now() + 2 * time::DAY}))         //=> true
    /// event::emit("orders.placed", 7, #{after: 60})                                    //=> error: no option `after`
    /// event::emit("orders.placed", 7, #{delay: 60, at: time::now()})                   //=> error: not both
    /// ```
    #[rhai_fn(name = "emit", return_raw, volatile)]
    fn emit_with(ctx: NativeCallContext, topic: &str, data: Dynamic, options: Map) -> Fallible<String> {
        at_call(&ctx, || {
            let topic = event::topic(topic)?;
            let data = event::data(&data)?;
            let options = Options::read(&options)?;
            call(Service::Event, |session| {
                event::emit(session, topic, data, options)
            })
        })
    }
}
