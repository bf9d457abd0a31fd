//! Passwords: hashed and verified by the host, as that takes much time and memory.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

/// Shortest password in bytes.
pub const PASSWORD_BYTES_MIN: usize = 8;

/// Longest password in bytes.
pub const PASSWORD_BYTES_MAX: usize = 1_024;

/// A password on its way. No error and no log shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What a run asks about passwords.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum PasswordQuestion {
    /// The hash of a password.
    Hash {
        /// The password.
        password: Password,
    },
    /// Whether a password is the one behind a hash.
    Verify {
        /// The password.
        password: Password,
        /// The hash.
        hash: String,
    },
    /// The same for a user of the app who signs in: slowed down if somebody guesses. Without a hash it takes as long and
    /// does not fit.
    SignIn {
        /// The name of the user, whether there is one or not.
        name: String,
        /// From where.
        address: IpAddr,
        /// The password.
        password: Password,
        /// The hash.
        hash: Option<String>,
    },
}

/// The answer to a [`PasswordQuestion`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum PasswordAnswer {
    /// The hash, in PHC form.
    Hashed {
        /// It.
        hash: String,
    },
    /// Whether it is the password.
    Verified {
        /// Whether it is.
        fits: bool,
    },
    /// It was not tried, because there were too many failures.
    Wait {
        /// After so many seconds it is.
        seconds: u64,
    },
    /// It was not tried, because too many wait already.
    Busy,
    /// What was given as a hash is none that PiCloud makes.
    NoHash,
}
