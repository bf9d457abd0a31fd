//! Storage of configuration.

use async_trait::async_trait;
use serde_json::Value;

use super::StoreError;
use crate::{change::Change, config::ConfigValue, id::AppId, secret::SettingName};

/// Storage of configuration. Every change is a release.
#[async_trait]
pub trait ConfigRepository: Send + Sync {
    /// Lists an app's values, by name.
    async fn list_config(&self, app: AppId) -> Result<Vec<ConfigValue>, StoreError>;

    /// Sets a value, which may be there already. Nothing changes if it is the same.
    async fn set_config(
        &self,
        app: AppId,
        name: &SettingName,
        value: &Value,
        change: &Change,
    ) -> Result<ConfigValue, SetConfigError>;

    /// Removes a value; `false` if the app has no such value.
    async fn delete_config(
        &self,
        app: AppId,
        name: &SettingName,
        change: &Change,
    ) -> Result<bool, StoreError>;
}

/// Why a value was not set.
#[derive(Debug, thiserror::Error)]
pub enum SetConfigError {
    /// The app has [as many](crate::config::CONFIG_VALUES_MAX) as it may have.
    #[error("the app has as many values as it may have")]
    TooMany,
    /// All together would have more than [their bytes](crate::config::CONFIG_BYTES_MAX).
    #[error("all values together would be too large")]
    TooLarge,
    /// The app is gone.
    #[error("the app is gone")]
    NoApp,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
