//! How much an app may keep, and how much it does.

use serde::{Deserialize, Serialize};

/// Bytes of data that an app may keep unless something else is set.
pub const DATA_BYTES_DEFAULT: u64 = 1_024 * 1_024 * 1_024;

/// Rows of data that an app may keep unless something else is set.
pub const DATA_ROWS_DEFAULT: u64 = 10_000_000;

/// The largest quota that can be set.
pub const QUOTA_MAX: u64 = 1 << 50;

/// A bound on what an app keeps: keys, values, documents and what their indexes take, together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quota {
    /// Bytes of keys, values and documents, and of what indexes take.
    DataBytes,
    /// How many keys and documents.
    DataRows,
    /// How many collections of documents; the same for all apps.
    Collections,
}

impl Quota {
    /// Its name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DataBytes => "data_bytes_max",
            Self::DataRows => "data_rows_max",
            Self::Collections => "collections_max",
        }
    }

    /// What it counts.
    pub fn unit(self) -> &'static str {
        match self {
            Self::DataBytes => "bytes of data",
            Self::DataRows => "rows of data",
            Self::Collections => "collections",
        }
    }

    /// What whoever meets it can do.
    fn advice(self) -> &'static str {
        match self {
            Self::DataBytes | Self::DataRows => "delete some, or ask an admin of the instance for more",
            Self::Collections => "delete one that is not needed, or keep more kinds of documents in one",
        }
    }
}

/// What an app may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Bytes of keys, values and documents.
    pub data_bytes_max: u64,
    /// How many keys and documents.
    pub data_rows_max: u64,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            data_bytes_max: DATA_BYTES_DEFAULT,
            data_rows_max: DATA_ROWS_DEFAULT,
        }
    }
}

impl Quotas {
    /// Refuses what takes an app that keeps `before` to `after`. What makes nothing more is never refused, so that an
    /// app that has too much can always get rid of some.
    pub fn check(&self, before: Kept, after: Kept) -> Result<(), QuotaExceeded> {
        let quotas = [
            (Quota::DataBytes, before.bytes, after.bytes, self.data_bytes_max),
            (Quota::DataRows, before.rows, after.rows, self.data_rows_max),
        ];
        for (quota, before, after, max) in quotas {
            if after > max && after > before {
                return Err(QuotaExceeded {
                    quota,
                    used: before,
                    max,
                });
            }
        }
        Ok(())
    }
}

/// What is kept. What has expired counts until it is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Bytes.
    pub bytes: u64,
    /// Rows.
    pub rows: u64,
}

/// What an app keeps, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AppUsage {
    /// Keys and values.
    pub kv: Kept,
    /// Documents.
    pub docs: Kept,
}

impl AppUsage {
    /// All of it.
    pub fn sum(self) -> Kept {
        Kept {
            bytes: self.kv.bytes.saturating_add(self.docs.bytes),
            rows: self.kv.rows.saturating_add(self.docs.rows),
        }
    }
}

/// What was to be written is more than the app may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error(
    "the app keeps {used} {}, and may keep {max} (`{}`); {}",
    .quota.unit(),
    .quota.as_str(),
    .quota.advice()
)]
pub struct QuotaExceeded {
    /// Which quota.
    pub quota: Quota,
    /// How much there is without it.
    pub used: u64,
    /// How much there may be.
    pub max: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(bytes: u64, rows: u64) -> Kept {
        Kept { bytes, rows }
    }

    #[test]
    fn only_what_makes_too_much_more_is_refused() {
        let quotas = Quotas {
            data_bytes_max: 100,
            data_rows_max: 10,
        };
        assert_eq!(quotas.check(kept(0, 0), kept(100, 10)), Ok(()));
        assert_eq!(quotas.check(kept(300, 30), kept(300, 30)), Ok(()));
        assert_eq!(quotas.check(kept(300, 30), kept(299, 29)), Ok(()));
        let refused = |before, after| quotas.check(before, after).unwrap_err();
        let bytes = refused(kept(90, 1), kept(101, 1));
        assert_eq!((bytes.quota, bytes.used, bytes.max), (Quota::DataBytes, 90, 100));
        assert_eq!(
            bytes.to_string(),
            "the app keeps 90 bytes of data, and may keep 100 (`data_bytes_max`); \
             delete some, or ask an admin of the instance for more"
        );
        assert_eq!(refused(kept(90, 10), kept(80, 11)).quota, Quota::DataRows);
    }
}
