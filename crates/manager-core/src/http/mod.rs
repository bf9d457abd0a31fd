//! The HTTP side: one file per operation or small family of operations, each in the order problems, API
//! description, handler.

pub(crate) mod access;
pub(crate) mod admins;
pub(crate) mod answer;
pub(crate) mod api;
pub(crate) mod apps;
pub(crate) mod audit;
pub(crate) mod auth;
mod bindings;
pub(crate) mod brokers;
pub(crate) mod chains;
pub(crate) mod collections;
pub(crate) mod config;
pub(crate) mod cross_site;
pub(crate) mod deliveries;
pub(crate) mod documents;
pub(crate) mod domains;
pub(crate) mod egress;
pub(crate) mod end_users;
pub(crate) mod events;
pub(crate) mod executions;
pub(crate) mod extract;
pub(crate) mod file;
pub(crate) mod health;
mod import;
pub(crate) mod invitations;
pub(crate) mod kv;
pub(crate) mod list;
pub(crate) mod members;
pub(crate) mod pages;
pub(crate) mod problem;
pub(crate) mod releases;
pub(crate) mod routes;
pub(crate) mod schedules;
pub(crate) mod script_api;
pub(crate) mod scripts;
pub(crate) mod secrets;
pub(crate) mod setup;
pub(crate) mod smtp;
pub(crate) mod subscriptions;
pub(crate) mod tokens;
pub(crate) mod usage;
mod validate;
pub(crate) mod verbs;

pub use api::openapi_json;
pub(crate) use executions::tail::Tails;
