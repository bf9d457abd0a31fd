//! Storage of secrets.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    change::Change,
    id::AppId,
    secret::{Secret, SecretText, SettingName},
};

/// Storage of secrets. None of it gives a value back: scripts ask the [services](crate::services) for those.
#[async_trait]
pub trait SecretRepository: Send + Sync {
    /// Lists an app's secrets, by name.
    async fn list_secrets(&self, app: AppId) -> Result<Vec<Secret>, StoreError>;

    /// Sets a secret, which may be there already. When this returns, every run that begins has the new value.
    async fn set_secret(
        &self,
        app: AppId,
        name: &SettingName,
        value: &SecretText,
        change: &Change,
    ) -> Result<(), SetSecretError>;

    /// Deletes a secret; `false` if the app has no such secret.
    async fn delete_secret(
        &self,
        app: AppId,
        name: &SettingName,
        change: &Change,
    ) -> Result<bool, StoreError>;
}

/// Why a secret was not set.
#[derive(Debug, thiserror::Error)]
pub enum SetSecretError {
    /// The app has [as many](crate::secret::SECRETS_PER_APP_MAX) as it may have.
    #[error("the app has as many secrets as it may have")]
    TooMany,
    /// The app is gone.
    #[error("the app is gone")]
    NoApp,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
