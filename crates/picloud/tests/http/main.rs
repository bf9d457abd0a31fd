//! PiCloud as its users meet it: the real program, driven over HTTP, on SQLite and on PostgreSQL.
//!
//! The folders mirror the URLs: `api/admin/scripts/create.rs` is about `POST /api/v1/admin/scripts`. What
//! scripts answer is under `dispatch`, what attackers try under `hostile`, and what starts, stops and kills the
//! program under `process`. `cargo xtask test` runs all of it; `cargo xtask test --only http -- words` runs
//! the tests with these words in their names.

mod admin_host;
mod api;
mod caddy;
mod dashboard;
mod declared;
mod dispatch;
mod events;
mod examples;
mod harness;
mod health;
mod hostile;
mod process;
mod readme;
mod services;
mod webhooks;
