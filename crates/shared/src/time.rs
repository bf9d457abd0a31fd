//! Moments, counted in microseconds since 1970 (UTC) and written as RFC 3339 with milliseconds.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A moment in UTC, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `micros` microseconds after 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The moment `duration` later; stops at the end of time instead of overflowing.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// The moment `duration` earlier; stops at the start of time instead of overflowing.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)),
        )
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::MAX);
        write!(f, "{moment:.3}")
    }
}

/// Why a text is no moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTimestamp {
    /// It is one, in a year that is not counted any more.
    #[error("is out of range: moments up to {} are taken", Timestamp(i64::MAX))]
    TooLate,
    /// It has another form.
    #[error("is not an RFC 3339 date and time")]
    Form,
}

impl FromStr for Timestamp {
    type Err = NoTimestamp;

    /// Reads RFC 3339 with any offset.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<jiff::Timestamp>() {
            Ok(moment) => Ok(Self(moment.as_microsecond())),
            Err(_) if is_year_too_late(text) => Err(NoTimestamp::TooLate),
            Err(_) => Err(NoTimestamp::Form),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|error: NoTimestamp| D::Error::custom(format!("`{text}` {error}")))
    }
}

/// Moments as numbers, where nothing of them may be lost and nobody reads them.
pub(crate) mod micros {
    use super::{Deserialize, Deserializer, Serializer, Timestamp};

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "the form in which serde calls it"
    )]
    pub(crate) fn serialize<S: Serializer>(moment: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(moment.as_micros())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(deserializer).map(Timestamp::from_micros)
    }
}

/// Whether `text`, which cannot be read, could be in another year: there is no other fault in it than that the moment
/// comes after the last one that can be counted. The other year is no leap year, as the last one is none.
fn is_year_too_late(text: &str) -> bool {
    let rest = text.strip_prefix("9999");
    rest.is_some_and(|rest| format!("2001{rest}").parse::<Timestamp>().is_ok())
}

/// Tells the time. Handed to whatever needs it, so that tests can set it.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_in_utc_with_milliseconds() {
        let moment = Timestamp::from_micros(1_763_670_896_789_123);
        assert_eq!(moment.to_string(), "2025-11-20T20:34:56.789Z");
        assert_eq!(
            "2025-11-20T21:34:56.789123+01:00".parse::<Timestamp>().ok(),
            Some(moment)
        );
    }

    #[test]
    fn a_moment_out_of_range_is_told_apart_from_what_is_none() {
        let refused = |text: &str| {
            let error = serde_json::from_value::<Timestamp>(text.into()).err();
            error.map(|error| error.to_string()).unwrap_or_default()
        };
        for late in ["9999-12-31T23:59:59Z", "9999-12-31T00:00:00-05:00"] {
            assert_eq!(
                refused(late),
                format!("`{late}` is out of range: moments up to 9999-12-30T22:00:00.999Z are taken")
            );
        }
        for malformed in [
            "tomorrow",
            "2025-02-29T00:00:00Z",
            "9999-02-29T00:00:00Z",
            "9999-12-31",
        ] {
            assert_eq!(
                refused(malformed),
                format!("`{malformed}` is not an RFC 3339 date and time")
            );
        }
        assert_eq!(refused("9999-12-30T00:00:00Z"), "");
    }
}
