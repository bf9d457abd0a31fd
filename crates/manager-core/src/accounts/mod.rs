//! Accounts: passwords, sessions, and what keeps both from being guessed.

mod hasher;
mod invitation_token;
mod policy;
mod reset;
mod setup_code;
mod sign_in;
mod throttle;
mod token;

pub(crate) use hasher::{Busy, Hasher, hash as hash_now};
pub(crate) use invitation_token::InvitationToken;
pub use policy::PasswordRefused;
pub(crate) use policy::{PASSWORD_BYTES_MAX, PASSWORD_BYTES_MIN, check as check_password};
pub use reset::{ResetPasswordError, reset_password};
pub(crate) use setup_code::SetupCode;
pub(crate) use sign_in::{SignIn, SignInError, begin_session, verify};
pub(crate) use throttle::Throttle;
pub(crate) use token::Token;
