//! `/api/v1/admin/apps/{app}/releases`.

mod bundle;
mod compare;
mod list;
mod restore;
mod under_load;
