//! Storage of PiCloud on SQLite and PostgreSQL: the only crate that talks to a database.
//!
//! [`Store`] implements every trait of [`picloud_shared::repository`]. There is one file per noun, with the
//! SQL that both databases share; `sqlite` and `postgres` hold only what differs. This crate makes no
//! decisions for people: what it is asked, it does in one transaction, or says why not.
//!
//! Reading order: [`Store`], then `db` (how one statement reaches either database), `statements` (how SQL is
//! declared), `change` (how a change becomes a release), `sealing` (how secrets are encrypted), then the nouns.

mod store;

mod calls;
mod change;
mod config;
mod convert;
mod db;
mod error;
mod migrate;
mod sealing;
mod statements;
mod value;

mod postgres;
mod sqlite;

mod accounts;
mod apps;
mod audit;
mod authority;
mod bindings;
mod brokers;
mod deployments;
mod docs;
mod domains;
mod egress;
mod events;
mod executions;
mod imports;
mod invitations;
mod kv;
mod members;
mod quotas;
mod releases;
mod removed;
mod routes;
mod schedules;
mod scripts;
mod second_factors;
mod secrets;
mod sessions;
mod smtp;
mod tokens;
mod users;
mod versions;

pub use error::OpenError;
pub use kv::DataServices;
pub use sealing::{Forgotten, SecretKeyError};
#[doc(hidden)]
pub use statements::{Statement, all_statements};
pub use store::Store;
