//! The second factor of a sign-in: what is stored of an authenticator app and its recovery codes.

use std::time::Duration;

use crate::{id::UserId, time::Timestamp};

/// How long a secret that was proposed waits for a first code.
pub const PROPOSAL_AGE_MAX: Duration = Duration::from_mins(10);

/// SHA-256 of a recovery code. The code itself is nowhere.
pub type RecoveryCodeHash = [u8; 32];

/// A person's second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondFactor {
    /// Whose.
    pub user_id: UserId,
    /// What the authenticator app knows too.
    pub secret: Vec<u8>,
    /// When it was proposed.
    pub proposed_at: Timestamp,
    /// Since when sign-in asks for it; absent until a first code has shown that the app knows the secret.
    pub confirmed_at: Option<Timestamp>,
    /// How many recovery codes are left.
    pub recovery_codes_left: u32,
}

impl SecondFactor {
    /// Whether it was proposed too long ago, and never confirmed.
    pub fn has_ended_at(&self, now: Timestamp) -> bool {
        self.confirmed_at.is_none() && now >= self.proposed_at.plus(PROPOSAL_AGE_MAX)
    }
}
