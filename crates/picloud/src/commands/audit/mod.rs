//! `picloud audit`: the audit log, on the machine itself.

pub(crate) mod verify;
