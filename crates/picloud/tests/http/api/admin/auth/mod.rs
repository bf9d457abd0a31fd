//! `/api/v1/admin/auth`: signing in and out.

mod cookie;
mod dump;
mod login;
mod password;
mod sessions;
mod totp;
