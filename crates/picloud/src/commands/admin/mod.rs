//! `picloud admin`: accounts, on the machine itself.

pub(crate) mod reset_password;
