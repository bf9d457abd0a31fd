//! What is particular to PostgreSQL.

mod fault;
mod open;
pub(crate) mod server;

pub(crate) use fault::fault;
pub(crate) use open::Postgres;
pub(crate) use server::VERSION_MIN;
