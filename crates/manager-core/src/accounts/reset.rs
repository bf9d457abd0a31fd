//! A new password for somebody who lost theirs, set on the machine itself.

use picloud_shared::{
    repository::{Repository, StoreError},
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

/// Sets a password and ends all sessions of that person; `false` if nobody has this username.
pub async fn reset_password(
    repository: &dyn Repository,
    username: &Username,
    password: &str,
) -> Result<bool, ResetPasswordError> {
    policy::check(password, username)?;
    let Some(credentials) = repository.find_credentials(username).await? else {
        return Ok(false);
    };
    let hash = hasher::hash(password);
    Ok(repository.set_password(credentials.user.id, &hash, None).await?)
}
