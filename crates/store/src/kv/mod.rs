//! Keys and values of apps: what both databases share.
//!
//! How they are read and committed differs so much that each database has it in a file of its own
//! (`sqlite/kv/`, `postgres/kv.rs`): on SQLite a read takes a few microseconds on the calling thread, and one
//! thread writes the commits of many runs at once; on PostgreSQL each is one call.

mod services;
pub(crate) mod sweep;

use picloud_shared::{repository::StoreError, services::KvValue};
use uuid::Uuid;

pub use self::services::DataServices;
pub(crate) use self::services::refusal;

const JSON: i16 = 0;
const BLOB: i16 = 1;

/// What `kind` is for a value.
pub(crate) fn kind(value: &KvValue) -> i16 {
    match value {
        KvValue::Json(_) => JSON,
        KvValue::Blob(_) => BLOB,
    }
}

/// The bytes of a value.
pub(crate) fn bytes(value: &KvValue) -> &[u8] {
    match value {
        KvValue::Json(text) => text.as_bytes(),
        KvValue::Blob(bytes) => bytes,
    }
}

/// The value of a row.
pub(crate) fn value(kind: i16, bytes: Vec<u8>) -> Result<KvValue, StoreError> {
    match kind {
        JSON => text("JSON value", bytes).map(KvValue::Json),
        BLOB => Ok(KvValue::Blob(bytes)),
        other => Err(StoreError::Corrupt(format!("kind {other} of a value"))),
    }
}

/// A text from its bytes.
pub(crate) fn text(what: &'static str, bytes: Vec<u8>) -> Result<String, StoreError> {
    String::from_utf8(bytes).map_err(|error| StoreError::Corrupt(format!("{what}: {error}")))
}

/// A version that nothing has had and nothing will have: 63 bits of chance.
pub(crate) fn new_version() -> i64 {
    let (high, low) = Uuid::new_v4().as_u64_pair();
    // The fixed bits of one half meet bits of chance of the other.
    i64::from_ne_bytes(((high ^ low) >> 1).to_ne_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_went() {
        for expected in [KvValue::Json("1".to_owned()), KvValue::Blob(vec![0, 255])] {
            let found = value(kind(&expected), bytes(&expected).to_vec()).unwrap();
            assert_eq!(found, expected);
        }
        assert!(value(2, Vec::new()).is_err());
        assert!(value(JSON, vec![255]).is_err());
    }

    #[test]
    fn no_two_versions_are_alike() {
        let versions: std::collections::HashSet<_> = (0..1_000).map(|_| new_version()).collect();
        assert_eq!(versions.len(), 1_000);
        assert!(versions.iter().all(|version| *version >= 0));
    }
}
