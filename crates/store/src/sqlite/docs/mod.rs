//! Documents on SQLite: read and committed as keys are (`sqlite/kv/`), by the same connections.

pub(crate) mod read;
pub(crate) mod writes;
