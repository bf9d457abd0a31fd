//! Brokers of apps. A password goes in, sealed, and comes out for those who connect alone.
//!
//! Reading order: `settings` (what people set), `connections` (what those need who connect, and the messages that wait),
//! `hints` (telling them). How messages are written with a commit differs: see `sqlite/messages.rs` and
//! `postgres/messages.rs`.

pub(crate) mod connections;
mod hints;
pub(crate) mod settings;

pub(crate) use self::hints::{BrokerHints, PendingHint};
