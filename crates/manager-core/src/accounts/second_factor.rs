//! The second factor of a sign-in: a code of an authenticator app, or a recovery code in its place.

use picloud_shared::{
    id::UserId,
    repository::StoreError,
    second_factor::{RecoveryCodeHash, SecondFactor},
};

use super::{code::RecoveryCode, totp};
use crate::Manager;

/// How many recovery codes a person gets.
const RECOVERY_CODES: usize = 10;

/// A person's second factor, if it is in force.
pub(crate) async fn in_force(manager: &Manager, user: UserId) -> Result<Option<SecondFactor>, StoreError> {
    let found = manager.repository().find_second_factor(user).await?;
    Ok(found.filter(|factor| factor.confirmed_at.is_some()))
}

/// Takes `code`, so that nobody can use it again; `false` if it is wrong or was taken before.
pub(super) async fn spend(manager: &Manager, factor: &SecondFactor, code: &str) -> Result<bool, StoreError> {
    let repository = manager.repository();
    if let Some(step) = totp::find_step(&factor.secret, code, manager.now()) {
        return repository.spend_totp_step(factor.user_id, step).await;
    }
    let Some(code) = RecoveryCode::read(code) else {
        return Ok(false);
    };
    let spent = repository
        .spend_recovery_code(factor.user_id, &code.hash())
        .await?;
    if spent {
        tracing::info!(user.id = %factor.user_id, "a recovery code was used");
    }
    Ok(spent)
}

/// New recovery codes: the only copy of their texts, and what is stored of them.
pub(crate) fn new_recovery_codes() -> (Vec<String>, Vec<RecoveryCodeHash>) {
    (0..RECOVERY_CODES)
        .map(|_| RecoveryCode::generate())
        .map(|code| (code.text(), code.hash()))
        .unzip()
}
