//! The functions.

use rhai::{Module, export_module, exported_module};

/// The module as scripts see it.
pub(crate) fn module() -> Module {
    exported_module!(functions)
}

/// Messages, to the MQTT brokers of the app.
///
/// A broker is one of those that are set for the app, by its name there. A payload is a text or a blob, which goes as it
/// is, or whatever else JSON can hold; it has at most 256 KiB. Publishing is part of the transaction: a message is on its
/// way when the run has ended well, and a run that throws, or is stopped, has published nothing. It waits for up to a day
/// while the broker is away. If the app has no such broker, nothing of the run takes effect. One transaction publishes at
/// most 100 messages.
#[export_module(export_all)]
mod functions {
    use picloud_shared::services::Service;
    use rhai::{Dynamic, Map, NativeCallContext};

    use crate::{
        api::Fallible,
        error::at_call,
        services::{
            mqtt::{self, Options},
            session::call,
        },
    };

    /// Publishes a message with quality 1, so that it arrives at least once.
    ///
    /// ```rhai
    /// mqtt::publish("home", "lamp/set", "ON")              //=> ()
    /// mqtt::publish("home", "lamp/set", #{brightness: 80}) //=> ()
    /// mqtt::publish("home", "lamp/#", "ON")                //=> error: none of them + or #
    /// mqtt::publish("My Home", "lamp/set", "ON")           //=> error: a broker's name
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn publish(ctx: NativeCallContext, broker: &str, topic: &str, payload: Dynamic) -> Fallible<()> {
        at_call(&ctx, || {
            let message = mqtt::message(broker, topic, &payload, Options::default())?;
            call(Service::Mqtt, |session| mqtt::publish(session, message))
        })
    }

    /// Publishes a message with options: `qos`, 0 (it may get lost on its way) or 1; `retain`, so that the broker keeps it
    /// for those who subscribe later.
    ///
    /// ```rhai
    /// mqtt::publish("home", "lamp/state", "ON", #{qos: 0, retain: true}) //=> ()
    /// mqtt::publish("home", "lamp/state", "ON", #{qos: 2})               //=> error: qos is 0 or 1
    /// mqtt::publish("home", "lamp/state", "ON", #{keep: true})           //=> error: no option `keep`
    /// ```
    #[rhai_fn(name = "publish", return_raw, volatile)]
    fn publish_with(
        ctx: NativeCallContext,
        broker: &str,
        topic: &str,
        payload: Dynamic,
        options: Map,
    ) -> Fallible<()> {
        at_call(&ctx, || {
            let options = Options::read(&options)?;
            let message = mqtt::message(broker, topic, &payload, options)?;
            call(Service::Mqtt, |session| mqtt::publish(session, message))
        })
    }
}
