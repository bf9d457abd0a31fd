//! Accounts: passwords, sessions, and what keeps both from being guessed.

mod api_token;
mod code;
mod hasher;
mod policy;
mod reset;
mod second_factor;
mod sign_in;
mod throttle;
mod token;
mod totp;

pub(crate) use api_token::{ApiTokenText, NoApiToken};
pub(crate) use code::SetupCode;
pub(crate) use hasher::{Busy, Hasher, hash as hash_now};
pub use policy::PasswordRefused;
pub(crate) use policy::{PASSWORD_BYTES_MAX, PASSWORD_BYTES_MIN, check as check_password};
pub use reset::{ResetPasswordError, reset_password};
pub(crate) use second_factor::{in_force as second_factor_in_force, new_recovery_codes};
pub(crate) use sign_in::{
    Claim, SignIn, SignInError, begin_session, session_end, sign_in, verify, verify_again, verify_password,
};
pub(crate) use throttle::{Throttle, Who, network};
pub(crate) use token::{InvitationToken, Token};
pub(crate) use totp::{
    find_step as find_totp_step, generate_secret as generate_totp_secret, secret_text as totp_secret_text,
    uri as totp_uri,
};
