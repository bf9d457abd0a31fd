//! What is particular to SQLite.

pub(crate) mod backup;
pub(crate) mod docs;
pub(crate) mod events;
mod fault;
pub(crate) mod kv;
mod lock;
pub(crate) mod messages;
mod open;
pub(crate) mod settings;
pub(crate) mod vacuum;

pub(crate) use fault::{CANTOPEN, NOTADB, PERM, READONLY, code, fault};
pub(crate) use open::Sqlite;
pub(crate) use settings::VERSION_MIN_TEXT;
