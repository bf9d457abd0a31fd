//! Storage of second factors and their recovery codes.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    change::Change,
    id::{SessionId, UserId},
    second_factor::{RecoveryCodeHash, SecondFactor},
};

/// Storage of second factors. To a session that has ended meanwhile, what puts a factor in force, removes it or
/// replaces its codes says `false`.
#[async_trait]
pub trait SecondFactorRepository: Send + Sync {
    /// Finds a person's second factor, in force or not.
    async fn find_second_factor(&self, user: UserId) -> Result<Option<SecondFactor>, StoreError>;

    /// Keeps a secret that is not yet in force, in place of one that was not either; `false` if one is in force.
    async fn propose_second_factor(
        &self,
        user: UserId,
        secret: &[u8],
        change: &Change,
    ) -> Result<bool, StoreError>;

    /// Puts the secret in force, with these recovery codes, and ends all sessions of the person but `keep`, which
    /// began without it. The code of time step `step` counts as taken. `false` if `secret` does not wait for this any
    /// more, or was proposed more than [`PROPOSAL_AGE_MAX`](crate::second_factor::PROPOSAL_AGE_MAX) ago.
    async fn confirm_second_factor(
        &self,
        confirmed: ConfirmedFactor<'_>,
        keep: SessionId,
        change: &Change,
    ) -> Result<bool, StoreError>;

    /// Takes the code of a time step; `false` if that or a later one was taken before.
    async fn spend_totp_step(&self, user: UserId, step: i64) -> Result<bool, StoreError>;

    /// Takes a recovery code; `false` if there is none like that, or it was taken before.
    async fn spend_recovery_code(&self, user: UserId, code: &RecoveryCodeHash) -> Result<bool, StoreError>;

    /// Replaces all recovery codes; `false` if no second factor is in force.
    async fn replace_recovery_codes(
        &self,
        user: UserId,
        codes: &[RecoveryCodeHash],
        change: &Change,
    ) -> Result<bool, StoreError>;

    /// Removes a second factor with its recovery codes; `false` if there was none.
    async fn remove_second_factor(&self, user: UserId, change: &Change) -> Result<bool, StoreError>;
}

/// A second factor that comes into force.
#[derive(Clone, Copy, Debug)]
pub struct ConfirmedFactor<'a> {
    /// Whose.
    pub user: UserId,
    /// The secret whose first code was right.
    pub secret: &'a [u8],
    /// The time step of that code.
    pub step: i64,
    /// The recovery codes.
    pub recovery_codes: &'a [RecoveryCodeHash],
}
