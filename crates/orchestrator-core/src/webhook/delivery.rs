//! What names a delivery, so that it is known when it is sent again.

use picloud_shared::events::IDEMPOTENCY_KEY_BYTES_MAX;
use sha2::{Digest as _, Sha256};
use tokio::task::yield_now;

use super::PIECE_BYTES;

/// What names a delivery.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DeliveryName {
    /// What its sender has signed: an id, or else the signature itself.
    Signed(String),
    /// An id that nobody has signed.
    Unsigned(String),
}

impl DeliveryName {
    /// The key by which the delivery with this body is known. Whoever has caught one signed request can send it with any
    /// id that is not signed, also with one that is still to come: so such an id counts together with its body alone.
    pub(crate) async fn key(self, body: &[u8]) -> String {
        let id = match self {
            Self::Signed(name) => return name,
            Self::Unsigned(id) => id,
        };
        let mut hash = Sha256::new();
        for (number, piece) in body.chunks(PIECE_BYTES).enumerate() {
            if number > 0 {
                yield_now().await;
            }
            hash.update(piece);
        }
        let key = format!("{id}.{}", hex::encode(hash.finalize()));
        if key.len() > IDEMPOTENCY_KEY_BYTES_MAX {
            hex::encode(Sha256::digest(&key))
        } else {
            key
        }
    }
}
