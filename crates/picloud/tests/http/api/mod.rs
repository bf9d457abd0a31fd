//! `/api/v1`.

mod admin;
mod execute;
mod openapi;
mod problems;
mod script_api;
