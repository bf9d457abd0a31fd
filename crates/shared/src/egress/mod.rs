//! Where scripts may connect to.
//!
//! Nothing is decided by a name alone: what counts is the address that a connection is really opened to.

mod allow;
mod public;

pub use self::{
    allow::{ALLOW_ENTRIES_MAX, AllowEntry, AllowList, InvalidAllowEntry},
    public::is_public,
};
