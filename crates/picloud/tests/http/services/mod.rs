//! What scripts can ask of the world, through the whole program.

mod database_away;
mod fault;
mod histories;
mod kv;
mod serializable;
mod stopped;
mod transactions;
