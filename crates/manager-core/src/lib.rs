//! The manager: everything that is configured, and who may configure it.
//!
//! It owns the HTTP API under `/api/v1/admin`, the rules behind it, accounts and sessions, the state of the
//! instance (`/healthz`, `/readyz`, `/version`), the `OpenAPI` document and the pages that explain problems.
//! It refuses to route a request of an app or to run a script itself: it asks the seams in
//! [`picloud_shared::seam`].
//!
//! Reading order: [`Manager`], then `router` (every operation on one page), `http` (one file per operation), `accounts`
//! (passwords, sessions, guessing), `audit` (what is refused, and how much of the log is kept), `publish` (how what was
//! changed comes to be live), and what goes on beside requests: `first_start`, `after_crash`, `collections` (what is
//! still to be done for a changed one) and `passwords` (what scripts ask about them).

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
