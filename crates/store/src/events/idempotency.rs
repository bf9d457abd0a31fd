//! Publishing once: what is kept with a key.

use picloud_shared::{
    events::{IdempotencyKey, NewEvent, Published, PublishedEvent},
    repository::StoreError,
};

use crate::convert::{from_json, to_json};

/// What is given back for events that have just been accepted.
pub(crate) fn published(events: &[NewEvent]) -> Published {
    let events = events.iter().map(|event| PublishedEvent {
        event: event.id,
        deliveries: event.deliveries.iter().map(|delivery| delivery.id).collect(),
    });
    Published {
        events: events.collect(),
        is_repeated: false,
    }
}

/// The text that is kept of it.
pub(crate) fn to_json_text(published: &Published) -> Result<String, StoreError> {
    to_json(&published.events)
}

/// What is given back for a key that was used before; nothing if it was used for something else.
pub(crate) fn known(
    key: &IdempotencyKey,
    fingerprint: &[u8],
    earlier: &str,
) -> Result<Option<Published>, StoreError> {
    if fingerprint != key.fingerprint {
        return Ok(None);
    }
    Ok(Some(Published {
        events: from_json("ids of published events", earlier)?,
        is_repeated: true,
    }))
}
