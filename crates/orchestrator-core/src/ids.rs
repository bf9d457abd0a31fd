//! Names of requests.

use std::cell::Cell;

use http::HeaderValue;
use picloud_shared::{id::ExecutionId, time::Timestamp};
use uuid::Uuid;

/// Makes the `UUIDv7`s of one serving thread.
///
/// They are unique and ordered by time, not secret: knowing an id allows nothing. So their random part comes from a
/// small generator that is seeded once, instead of from the cryptographic one for each request.
pub(crate) struct RequestIds {
    state: Cell<u64>,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        Self {
            state: Cell::new(Uuid::new_v4().as_u64_pair().1),
        }
    }

    /// A new id, ordered by `now`.
    pub(crate) fn next(&self, now: Timestamp) -> ExecutionId {
        let micros = u64::try_from(now.as_micros()).unwrap_or(0);
        let fraction = (micros % 1_000) * 4_096 / 1_000;
        let random = self.random() & 0x3FFF_FFFF_FFFF_FFFF;
        let time = ((micros / 1_000) << 16) | 0x7000 | fraction;
        ExecutionId(Uuid::from_u64_pair(time, 0x8000_0000_0000_0000 | random))
    }

    /// The id as the value of `x-request-id`.
    pub(crate) fn header(id: ExecutionId) -> HeaderValue {
        let mut buffer = Uuid::encode_buffer();
        let text = id.0.hyphenated().encode_lower(&mut buffer);
        // Hexadecimal digits and hyphens are always a header value.
        HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("0"))
    }

    /// `SplitMix64`: a full period over 64 bits.
    fn random(&self) -> u64 {
        let state = self.state.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.state.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_version_7_unique_and_ordered_by_time() {
        let ids = RequestIds::new();
        let at = |micros: i64| ids.next(Timestamp::from_micros(1_700_000_000_000_000 + micros));
        let made: HashSet<_> = (0..10_000).map(|_| at(0)).collect();
        assert_eq!(made.len(), 10_000);
        assert_eq!(at(0).0.get_version_num(), 7);
        assert_eq!(at(0).0.get_variant(), uuid::Variant::RFC4122);
        assert!(at(1) < at(2) && at(999) < at(1_000));
    }

    #[test]
    fn the_header_is_the_id() {
        let ids = RequestIds::new();
        for micros in 0..200 {
            let id = ids.next(Timestamp::from_micros(micros));
            assert_eq!(
                RequestIds::header(id).to_str().ok(),
                Some(id.to_string().as_str())
            );
        }
    }
}
