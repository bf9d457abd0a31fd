//! `/api/v1/admin/scripts`, and `scripts:check` and `scripts:run` of an app.

mod check;
mod create;
mod delete;
mod imports;
mod resume;
mod run;
mod update;
mod versions;
