//! A new password for somebody who lost theirs, set on the machine itself.

use picloud_shared::{
    change::Change,
    repository::{Repository, StoreError},
    time::Timestamp,
    user::Username,
};

use super::{hasher, policy};

/// Why a password was not set.
#[derive(Debug, thiserror::Error)]
pub enum ResetPasswordError {
    /// The password is not good enough.
    #[error(transparent)]
    Refused(#[from] policy::PasswordRefused),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Sets a password, removes the second factor and ends all sessions of that person; `false` if nobody has this username.
pub async fn reset_password(
    repository: &dyn Repository,
    username: &Username,
    password: &str,
    now: Timestamp,
) -> Result<bool, ResetPasswordError> {
    policy::check(password, username)?;
    let Some(credentials) = repository.find_credentials(username).await? else {
        return Ok(false);
    };
    let hash = hasher::hash(password);
    let change = Change::by_console(now);
    let done = repository
        .reset_password(credentials.user.id, &hash, &change)
        .await?;
    Ok(done)
}
