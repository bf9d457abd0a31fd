//! `picloud admin`: accounts, on the machine itself.

pub(crate) mod forget_secret_key;
pub(crate) mod reset_password;
