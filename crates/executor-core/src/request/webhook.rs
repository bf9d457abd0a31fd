//! What is known of a request because it is signed.

use picloud_shared::webhook::ReceivedWebhook;
use rhai::{Dynamic, Map, Module, export_module, exported_module};

/// The functions as scripts see them.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

/// What was found, as a map.
fn described(webhook: &ReceivedWebhook) -> Map {
    let id = webhook.id.as_deref();
    // Seconds of so few digits that they are no number too large in milliseconds.
    let timestamp = webhook.timestamp.map(|seconds| seconds.saturating_mul(1_000));
    Map::from([
        ("preset".into(), webhook.preset.as_str().into()),
        ("id".into(), id.map_or(Dynamic::UNIT, Into::into)),
        ("timestamp".into(), timestamp.map_or(Dynamic::UNIT, Into::into)),
    ])
}

#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use rhai::Dynamic;

    use crate::request::{Request, webhook::described};

    /// What is known of a request to a route with a webhook, whose signature was found to be right: a map with `preset`;
    /// `id`, which the sender gave the delivery and which is the same when it is sent again; and `timestamp`, the moment
    /// that is signed, in milliseconds as of `time::now()`. The last two are `()` if the sender has none. `()` for every
    /// other request, and for an event.
    ///
    /// ```rhai
    /// request.webhook       //=> ()
    /// request.webhook?.id   //=> ()
    /// ```
    #[rhai_fn(get = "webhook", pure)]
    fn webhook(request: &mut Request) -> Dynamic {
        let webhook = request.request().webhook.as_deref();
        webhook.map_or(Dynamic::UNIT, |webhook| Dynamic::from_map(described(webhook)))
    }
}
