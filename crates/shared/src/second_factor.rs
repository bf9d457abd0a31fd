//! The second factor of a sign-in: what is stored of an authenticator app and its recovery codes.

use crate::{id::UserId, time::Timestamp};

/// SHA-256 of a recovery code. The code itself is nowhere.
pub type RecoveryCodeHash = [u8; 32];

/// A person's second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondFactor {
    /// Whose.
    pub user_id: UserId,
    /// What the authenticator app knows too.
    pub secret: Vec<u8>,
    /// Since when sign-in asks for it; absent until a first code has shown that the app knows the secret.
    pub confirmed_at: Option<Timestamp>,
    /// How many recovery codes are left.
    pub recovery_codes_left: u32,
}
