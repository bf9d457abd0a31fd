//! What scripts can ask of the world, through the whole program.

mod calls;
mod canaries;
mod config;
mod database_away;
mod disk_full;
mod docs;
mod email;
mod fault;
mod histories;
mod http;
mod kv;
mod recorded;
mod secrets;
mod serializable;
mod stopped;
mod transactions;
mod users;
