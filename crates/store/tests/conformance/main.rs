//! What storage promises, asked of both databases.
//!
//! Each case is written once, against a fresh database, and runs on SQLite and on PostgreSQL. One file per
//! noun, as in the crate; `opening` and `schema` are about the databases themselves.

#![expect(clippy::unwrap_used, reason = "in a test the panic is the message")]

mod bed;
mod fixtures;

mod accounts;
mod apps;
mod audit;
mod authority;
mod bindings;
mod brokers;
mod collections;
mod committed;
mod config;
mod deployments;
mod docs;
mod domains;
mod events;
mod executions;
mod given_up;
mod imports;
mod invitations;
mod kv;
mod members;
mod opening;
mod purge;
mod records;
mod releases;
mod removed;
mod routes;
mod run_stats;
mod schedules;
mod schema;
mod scripts;
mod sealing;
mod second_factors;
mod secrets;
mod sessions;
mod smtp;
mod strikes;
mod tokens;
mod usage;
mod users;
