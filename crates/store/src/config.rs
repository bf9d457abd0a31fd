//! Configuration of apps.

use std::sync::Arc;

use async_trait::async_trait;
use picloud_shared::{
    change::Change,
    config::{AppConfig, CONFIG_BYTES_MAX, CONFIG_VALUES_MAX, ConfigValue},
    id::AppId,
    release::ManifestConfig,
    repository::{ConfigRepository, SetConfigError, StoreError},
    secret::SettingName,
    time::Timestamp,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Store,
    audit::Entry,
    change::ReleaseChange,
    convert::{from_json, parse, to_json},
    db::Transaction,
    statements::statements,
    value::args,
};

statements! {
    LIST_CONFIG = "SELECT name, value, updated_at FROM config WHERE app_id = $1 ORDER BY name";
    FIND_CONFIG = "SELECT name, value, updated_at FROM config WHERE app_id = $1 AND name = $2";
    SET_CONFIG = "INSERT INTO config (app_id, name, value, updated_at) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (app_id, name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at";
    DELETE_CONFIG = "DELETE FROM config WHERE app_id = $1 AND name = $2";
    SIZE_OF_CONFIG = "SELECT count(*) AS entries, \
        CAST(coalesce(sum(octet_length(name) + octet_length(value)), 0) AS BIGINT) AS bytes \
        FROM config WHERE app_id = $1";
}

#[derive(sqlx::FromRow)]
struct ConfigRow {
    name: String,
    value: String,
    updated_at: i64,
}

/// A value of some app that is live.
#[derive(sqlx::FromRow)]
pub(crate) struct LiveConfigRow {
    pub(crate) app_id: Uuid,
    name: String,
    value: String,
}

#[async_trait]
impl ConfigRepository for Store {
    async fn list_config(&self, app: AppId) -> Result<Vec<ConfigValue>, StoreError> {
        let rows: Vec<ConfigRow> = self.db.fetch_all(LIST_CONFIG, args![app]).await?;
        rows.into_iter().map(ConfigValue::try_from).collect()
    }

    async fn set_config(
        &self,
        app: AppId,
        name: &SettingName,
        value: &Value,
        change: &Change,
    ) -> Result<ConfigValue, SetConfigError> {
        let Some(mut release) = ReleaseChange::begin(&self.db, app, change).await? else {
            return Err(SetConfigError::NoApp);
        };
        let before = find(&mut release.transaction, app, name).await?;
        if let Some(before) = before.as_ref().filter(|before| before.value == *value) {
            return Ok(before.clone());
        }
        let after = ManifestConfig {
            name: name.as_str().to_owned(),
            value: value.clone(),
        };
        write_config(&mut release.transaction, app, &after, change.at).await?;
        check_size(&mut release.transaction, app).await?;
        let mut entry = about("set_config", name).after(state(value));
        if let Some(before) = &before {
            entry = entry.before(state(&before.value));
        }
        let verb = if before.is_some() { "changed" } else { "added" };
        release.commit(&format!("config {name} {verb}"), entry).await?;
        Ok(ConfigValue {
            name: name.clone(),
            value: after.value,
            updated_at: change.at,
        })
    }

    async fn delete_config(
        &self,
        app: AppId,
        name: &SettingName,
        change: &Change,
    ) -> Result<bool, StoreError> {
        let Some(mut release) = ReleaseChange::begin(&self.db, app, change).await? else {
            return Ok(false);
        };
        let Some(before) = find(&mut release.transaction, app, name).await? else {
            return Ok(false);
        };
        remove_config(&mut release.transaction, app, name.as_str()).await?;
        let entry = about("delete_config", name).before(state(&before.value));
        release.commit(&format!("config {name} removed"), entry).await?;
        Ok(true)
    }
}

/// Writes a value, whether it is there or not.
pub(crate) async fn write_config(
    transaction: &mut Transaction,
    app: AppId,
    config: &ManifestConfig,
    at: Timestamp,
) -> Result<(), StoreError> {
    let json = to_json(&config.value)?;
    let args = args![app, &config.name, json, at];
    transaction.execute(SET_CONFIG, args).await.map(|_| ())
}

/// Removes a value.
pub(crate) async fn remove_config(
    transaction: &mut Transaction,
    app: AppId,
    name: &str,
) -> Result<(), StoreError> {
    transaction
        .execute(DELETE_CONFIG, args![app, name])
        .await
        .map(|_| ())
}

/// All values of an app, as a manifest has them.
pub(crate) async fn config_of(
    transaction: &mut Transaction,
    app: AppId,
) -> Result<Vec<ManifestConfig>, StoreError> {
    let rows: Vec<ConfigRow> = transaction.fetch_all(LIST_CONFIG, args![app]).await?;
    let values = rows.into_iter().map(|row| {
        Ok(ManifestConfig {
            value: from_json("config value", &row.value)?,
            name: row.name,
        })
    });
    values.collect()
}

/// What the scripts of an app with these rows see.
pub(crate) fn app_config<'r>(rows: impl IntoIterator<Item = &'r LiveConfigRow>) -> Arc<AppConfig> {
    let mut config = AppConfig::default();
    for row in rows {
        config.insert(row.name.clone(), row.value.as_str());
    }
    Arc::new(config)
}

async fn find(
    transaction: &mut Transaction,
    app: AppId,
    name: &SettingName,
) -> Result<Option<ConfigValue>, StoreError> {
    let row: Option<ConfigRow> = transaction
        .fetch_optional(FIND_CONFIG, args![app, name.as_str()])
        .await?;
    row.map(ConfigValue::try_from).transpose()
}

async fn check_size(transaction: &mut Transaction, app: AppId) -> Result<(), SetConfigError> {
    let size: Option<(i64, i64)> = transaction.fetch_optional(SIZE_OF_CONFIG, args![app]).await?;
    let exceeds = |value: i64, most: usize| usize::try_from(value).is_ok_and(|value| value > most);
    match size {
        Some((entries, _)) if exceeds(entries, CONFIG_VALUES_MAX) => Err(SetConfigError::TooMany),
        Some((_, bytes)) if exceeds(bytes, CONFIG_BYTES_MAX) => Err(SetConfigError::TooLarge),
        _ => Ok(()),
    }
}

fn about(action: &'static str, name: &SettingName) -> Entry {
    Entry::new(action).about("config", name, name)
}

fn state(value: &Value) -> Value {
    json!({ "value": value })
}

impl TryFrom<ConfigRow> for ConfigValue {
    type Error = StoreError;

    fn try_from(row: ConfigRow) -> Result<Self, StoreError> {
        Ok(Self {
            name: parse("name of a config value", &row.name)?,
            value: from_json("config value", &row.value)?,
            updated_at: Timestamp::from_micros(row.updated_at),
        })
    }
}
