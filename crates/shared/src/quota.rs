//! How much an app may keep, and how much it does.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Bytes of data that an app may keep unless something else is set.
pub const DATA_BYTES_DEFAULT: u64 = 1_024 * 1_024 * 1_024;

/// Rows of data that an app may keep unless something else is set.
pub const DATA_ROWS_DEFAULT: u64 = 10_000_000;

/// The largest quota that can be set.
pub const QUOTA_MAX: u64 = 1 << 50;

/// A bound on what an app keeps, keys, values, documents and what their indexes take together, or on what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quota {
    /// Bytes of keys, values and documents, and of what indexes take.
    DataBytes,
    /// How many keys and documents.
    DataRows,
    /// How many collections of documents; the same for all apps.
    Collections,
    /// Calls of services on one day in UTC.
    CallsPerDay,
}

impl Quota {
    /// Its name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DataBytes => "data_bytes_max",
            Self::DataRows => "data_rows_max",
            Self::Collections => "collections_max",
            Self::CallsPerDay => "calls_per_day_max",
        }
    }
}

/// What an app may keep, and do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Bytes of keys, values and documents.
    pub data_bytes_max: u64,
    /// How many keys and documents.
    pub data_rows_max: u64,
    /// How often its runs may call services on one day; as often as they like if absent.
    pub calls_per_day_max: Option<u64>,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            data_bytes_max: DATA_BYTES_DEFAULT,
            data_rows_max: DATA_ROWS_DEFAULT,
            calls_per_day_max: None,
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

    /// What an app may keep beside what it keeps.
    pub fn room_beside(&self, kept: Kept) -> Kept {
        Kept {
            bytes: self.data_bytes_max.saturating_sub(kept.bytes),
            rows: self.data_rows_max.saturating_sub(kept.rows),
        }
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

/// An app was to keep, or to do, more than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct QuotaExceeded {
    /// Which quota.
    pub quota: Quota,
    /// How much there is without it.
    pub used: u64,
    /// How much there may be.
    pub max: u64,
}

impl fmt::Display for QuotaExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { quota, used, max } = self;
        let name = quota.as_str();
        let (unit, advice) = match quota {
            Quota::DataBytes => (
                "bytes of data",
                "delete some, or ask an admin of the instance for more",
            ),
            Quota::DataRows => (
                "rows of data",
                "delete some, or ask an admin of the instance for more",
            ),
            Quota::Collections => (
                "collections",
                "delete one that is not needed, or keep more kinds of documents in one",
            ),
            Quota::CallsPerDay => {
                return write!(
                    f,
                    "the app has called services {used} times today, and may do so {max} times (`{name}`); \
                     a day ends at midnight UTC, or ask an admin of the instance for more"
                );
            }
        };
        write!(
            f,
            "the app keeps {used} {unit}, and may keep {max} (`{name}`); {advice}"
        )
    }
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
            calls_per_day_max: Some(0),
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
        let calls = QuotaExceeded {
            quota: Quota::CallsPerDay,
            used: 12,
            max: 10,
        };
        assert_eq!(
            calls.to_string(),
            "the app has called services 12 times today, and may do so 10 times (`calls_per_day_max`); \
             a day ends at midnight UTC, or ask an admin of the instance for more"
        );
    }
}
