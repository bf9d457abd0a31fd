//! Publishing once, however often it is tried.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::IDEMPOTENCY_KEPT;
use crate::{
    id::{DeliveryId, EventId},
    time::Timestamp,
};

/// What makes it safe to publish again after an answer was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Whose the key is and what it is about, such as `events/<id of a person>`: keys of two scopes are two keys.
    pub scope: String,
    /// The key of the client; at most [`IDEMPOTENCY_KEY_BYTES_MAX`](super::IDEMPOTENCY_KEY_BYTES_MAX).
    pub key: String,
    /// SHA-256 of all that is published with it, ids left out.
    pub fingerprint: [u8; 32],
    /// Until when it is remembered.
    pub kept_until: Timestamp,
}

impl IdempotencyKey {
    /// The key of a client at `now`, for what consists of these parts.
    pub fn of_client(scope: String, key: String, parts: &[&[u8]], now: Timestamp) -> Self {
        Self {
            scope,
            key,
            fingerprint: Self::hash_of(parts),
            kept_until: now.plus(IDEMPOTENCY_KEPT),
        }
    }

    /// SHA-256 of these parts.
    pub fn hash_of(parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in parts {
            // So that no part runs over into the next.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_in_a_part_has_another_fingerprint() {
        let of = |parts: &[&[u8]]| {
            let now = Timestamp::from_micros(0);
            IdempotencyKey::of_client("events".to_owned(), "a".to_owned(), parts, now).fingerprint
        };
        assert_eq!(of(&[b"a", b"bc"]), of(&[b"a", b"bc"]));
        assert_ne!(of(&[b"a", b"bc"]), of(&[b"ab", b"c"]));
        assert_ne!(of(&[b"a"]), of(&[b"a", b""]));
    }
}
