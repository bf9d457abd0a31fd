//! Which route answers a request: host to app, then path and method to route.
//!
//! Everything here is an immutable value that was compiled from the live releases. A change makes a new
//! [`Snapshot`] that shares all but the changed app with the old one; a request sees one of them, whole.

mod app;
mod hosts;
mod path;
mod sharded;
mod snapshot;
mod trie;

#[cfg(test)]
mod tests;

pub(crate) use app::{Miss, WebhookRoute};
pub(crate) use snapshot::{LiveEntry, Snapshot};
