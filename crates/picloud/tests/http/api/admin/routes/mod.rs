//! `/api/v1/admin/routes`, and `routes:match` of an app.

mod conflict;
mod create;
mod explain;
mod update;
