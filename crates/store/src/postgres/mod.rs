//! What is particular to PostgreSQL.

pub(crate) mod docs;
pub(crate) mod events;
mod failure;
mod fault;
pub(crate) mod hints;
pub(crate) mod kv;
pub(crate) mod lock;
mod open;
mod record;
pub(crate) mod server;
mod turns;

pub(crate) use fault::fault;
pub(crate) use open::Postgres;
pub(crate) use server::VERSION_MIN;
