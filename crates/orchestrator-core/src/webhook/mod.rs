//! Whether a request is signed as the webhook of its route wants it.
//!
//! Nothing here knows of routes, records or answers. Reading order: `claim` (what a request says of its signature, in its
//! head alone), `mac` (what the keys of the app make of the message), `verify` (whether the two fit), `delivery` (what the
//! request is known by when it is sent again), `fault` (what is said if not).

mod claim;
mod delivery;
mod fault;
mod mac;
mod verify;

#[cfg(test)]
mod tests;

pub(crate) use self::{claim::Claim, delivery::DeliveryName, fault::Fault, verify::verify};

/// Bytes that are hashed at one time: other requests of the thread do not wait for a large body.
const PIECE_BYTES: usize = 64 * 1_024;
