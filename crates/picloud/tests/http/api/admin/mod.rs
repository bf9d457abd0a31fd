//! `/api/v1/admin`: the control plane.

mod access;
mod apps;
mod auth;
mod bodies;
mod executions;
mod lists;
mod releases;
mod routes;
mod scripts;
mod setup;
