//! Whether a request is signed as the webhook of its route wants it.
//!
//! Nothing here knows of routes, records or answers. Reading order: `claim` (what a request says of its signature, in its
//! head alone), `mac` (what the keys of the app make of the message), `verify` (whether the two fit), `fault` (what is said
//! if not).

mod claim;
mod fault;
mod mac;
mod verify;

#[cfg(test)]
mod tests;

pub(crate) use self::{claim::Claim, fault::Fault, verify::verify};
