//! The manager: everything that is configured, and who may configure it.
//!
//! It owns the HTTP API under `/api/v1/admin`, the rules behind it, accounts and sessions, the state of the
//! instance (`/healthz`, `/readyz`, `/version`), the `OpenAPI` document and the pages that explain problems.
//! It refuses to route a request of an app or to run a script itself: it asks the seams in
//! [`picloud_shared::seam`].
//!
//! Reading order: [`Manager`], then `router` (every operation on one page), `http` (one file per operation),
//! and `accounts` (passwords, sessions, guessing).

mod accounts;
mod after_crash;
mod audit;
mod claims;
mod collections;
mod first_start;
mod http;
mod manager;
mod operation;
mod passwords;
mod publish;
mod router;

pub use accounts::{PasswordRefused, ResetPasswordError, reset_password};
pub use after_crash::answer_for_lost_runs;
pub use first_start::{FirstStart, FirstStartError};
pub use http::openapi_json;
pub use manager::{Manager, ManagerParts};
pub use passwords::PasswordServices;
