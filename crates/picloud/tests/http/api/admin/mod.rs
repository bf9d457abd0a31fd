//! `/api/v1/admin`: the control plane.

mod access;
mod admins;
mod apps;
mod audit;
mod auth;
mod bodies;
mod collections;
mod documents;
mod end_users;
mod executions;
mod executions_stats;
mod executions_tail;
mod invitations;
mod kv;
mod lists;
mod releases;
mod routes;
mod scripts;
mod setup;
mod smtp;
mod tokens;
mod usage;
