//! Keys and values of an app.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Longest key in bytes.
pub const KEY_BYTES_MAX: usize = 512;

/// Largest value in bytes, as it is stored.
pub const VALUE_BYTES_MAX: usize = 256 * 1_024;

/// Keys that one call may name.
pub const KEYS_PER_CALL_MAX: usize = 100;

/// Entries that one call may list.
pub const LIST_ENTRIES_MAX: u32 = 1_000;

/// Entries that a call lists unless it says how many.
pub const LIST_ENTRIES_DEFAULT: u32 = 100;

/// Bytes of keys and values after which a list goes on in the next call.
pub const LIST_BYTES_MAX: usize = 1_024 * 1_024;

/// The longest time to live.
pub const TTL_MAX: Duration = Duration::from_hours(10 * 366 * 24);

/// A value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KvValue {
    /// A JSON text.
    Json(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl KvValue {
    /// Its size.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Json(text) => text.len(),
            Self::Blob(bytes) => bytes.len(),
        }
    }
}

/// A value that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvEntry {
    /// The value.
    pub value: KvValue,
    /// Names this writing of it; every other has another one.
    pub version: i64,
    /// When it ceases to be there, in microseconds since 1970.
    pub expires_at: Option<i64>,
}

/// A value with its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvItem {
    /// The key.
    pub key: String,
    /// What it has.
    #[serde(flatten)]
    pub entry: KvEntry,
}
