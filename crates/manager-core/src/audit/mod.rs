//! What the manager does for the audit log.
//!
//! What is done leaves its record in the transaction that does it, in the store. What is refused never gets there:
//! [`denials`] decides which refusals leave a record, so that nobody fills the log by being refused, and [`summary`]
//! counts the others. [`upkeep`] has what is beyond the log's bounds cut off.

pub(crate) mod denials;
mod summary;
mod upkeep;

pub(crate) use self::{denials::Denials, upkeep::Upkeep};
