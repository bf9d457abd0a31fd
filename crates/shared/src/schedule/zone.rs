//! Time zones by their IANA name, from the database inside the program: the same on every machine, and no file is read.

use std::{fmt, str::FromStr, sync::LazyLock};

use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::time::Timestamp;

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Longest name that is shown when it is refused.
const NAME_SHOWN_CHARS: usize = 40;

/// A time zone, such as `Europe/Rome`. UTC if nothing else is said.
#[derive(Clone, Debug)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

/// There is no such zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no time zone `{0}`; names are such as `Europe/Rome` or `UTC`")]
pub struct NoSuchZone(String);

impl Zone {
    /// Its name, in the spelling of IANA.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The names of all zones, in order.
    pub fn names() -> Vec<String> {
        let names = ZONES.available().map(|name| name.as_str().to_owned());
        let mut names: Vec<String> = names.filter(|name| name.parse::<Self>().is_ok()).collect();
        names.sort_unstable();
        names
    }

    /// A moment as clocks of the zone show it, in RFC 3339 with the offset: `2026-03-29T03:00:00+02:00`.
    pub fn local(&self, moment: Timestamp) -> String {
        let Ok(moment) = jiff::Timestamp::from_microsecond(moment.as_micros()) else {
            return moment.to_string();
        };
        let offset = self.rules.to_offset(moment);
        moment.display_with_offset(offset).to_string()
    }

    pub(super) fn rules(&self) -> &TimeZone {
        &self.rules
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self {
            name: "UTC".to_owned(),
            rules: TimeZone::UTC,
        }
    }
}

impl FromStr for Zone {
    type Err = NoSuchZone;

    fn from_str(name: &str) -> Result<Self, NoSuchZone> {
        let found = ZONES.get(name).ok().filter(|rules| !rules.is_unknown());
        let Some(rules) = found else {
            return Err(NoSuchZone(name.chars().take(NAME_SHOWN_CHARS).collect()));
        };
        Ok(Self {
            name: rules.iana_name().unwrap_or(name).to_owned(),
            rules,
        })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}
