//! `/api/v1/admin/apps`.

mod create;
mod delete;
mod domains;
mod rename;
mod slug_check;
