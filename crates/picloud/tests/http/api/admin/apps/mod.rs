//! `/api/v1/admin/apps`.

mod create;
mod delete;
mod domains;
mod members;
mod rename;
mod slug_check;
