//! Publishing once, however often it is tried.

use serde::{Deserialize, Serialize};

use crate::{
    id::{DeliveryId, EventId},
    time::Timestamp,
};

/// What makes it safe to publish again after an answer was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// What the key is about, such as `events` or `execute/<id of a script>`: keys of two scopes are two keys.
    pub scope: String,
    /// The key of the client; at most [`IDEMPOTENCY_KEY_BYTES_MAX`](super::IDEMPOTENCY_KEY_BYTES_MAX).
    pub key: String,
    /// SHA-256 of all that is published with it, ids left out.
    pub fingerprint: [u8; 32],
    /// Until when it is remembered.
    pub kept_until: Timestamp,
}

/// What was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// In the order in which they were given.
    pub events: Vec<PublishedEvent>,
    /// Whether that was done earlier, with the same idempotency key; these are the ids from then.
    pub is_repeated: bool,
}

/// One event that was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedEvent {
    /// Its id.
    pub event: EventId,
    /// Those of its deliveries.
    pub deliveries: Vec<DeliveryId>,
}
