//! Configuration of apps: values that scripts read, and people change without changing a script.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::{secret::SettingName, time::Timestamp};

/// Values that one app may have.
pub const CONFIG_VALUES_MAX: usize = 200;

/// Largest value in bytes, as JSON without spaces.
pub const CONFIG_VALUE_BYTES_MAX: usize = 32 * 1_024;

/// Bytes that all names and values of an app may have together: each of its releases has a copy.
pub const CONFIG_BYTES_MAX: usize = 256 * 1_024;

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigValue {
    /// Unique in its app.
    pub name: SettingName,
    /// Any JSON.
    pub value: Value,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// All values of an app in one release, as JSON texts by name: what its scripts see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppConfig(BTreeMap<String, Arc<str>>);

impl AppConfig {
    /// The JSON text of a value.
    pub fn get(&self, name: &str) -> Option<&Arc<str>> {
        self.0.get(name)
    }

    /// Whether the app has no values.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a value.
    pub fn insert(&mut self, name: String, json: impl Into<Arc<str>>) {
        self.0.insert(name, json.into());
    }
}
