//! What is particular to PostgreSQL.

pub(crate) mod by_state;
pub(crate) mod claim;
pub(crate) mod docs;
mod ending;
pub(crate) mod events;
mod failure;
mod fault;
pub(crate) mod hints;
pub(crate) mod kv;
pub(crate) mod leases;
pub(crate) mod lock;
pub(crate) mod messages;
pub(crate) mod open;
pub(crate) mod server;
mod turns;

pub(crate) use fault::fault;
pub(crate) use open::Postgres;
pub(crate) use server::VERSION_MIN;
