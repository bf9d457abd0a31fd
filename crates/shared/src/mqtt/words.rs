//! Topics, filters and levels of quality, as MQTT has them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Longest filter in bytes.
pub const MQTT_FILTER_BYTES_MAX: usize = 256;

/// Longest topic in bytes: it has to fit where an event says what it is about.
pub const MQTT_TOPIC_BYTES_MAX: usize = crate::events::EVENT_SUBJECT_BYTES_MAX;

/// Which topics of a broker somebody wants: levels with slashes between them, of which `+` stands for any one, and `#`, at
/// the end, for all that follow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct MqttFilter(String);

/// A topic that something is published on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct MqttTopic(String);

/// Why a text is no filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a filter has 1 to {MQTT_FILTER_BYTES_MAX} bytes and no control characters or noncharacters; + stands alone between \
     slashes, and # alone at the end; after $share/ there are the name of a group, a slash and a filter"
)]
pub struct InvalidMqttFilter;

/// Why a text is no topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a topic has 1 to {MQTT_TOPIC_BYTES_MAX} bytes, none of them + or #, and no control characters or \
     noncharacters"
)]
pub struct InvalidMqttTopic;

impl FromStr for MqttFilter {
    type Err = InvalidMqttFilter;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_text = (1..=MQTT_FILTER_BYTES_MAX).contains(&text.len()) && !text.contains(is_strange);
        let mut levels = text.split('/').rev();
        let is_last = |level: &str| level == "#" || is_level(level);
        let is_filter = levels.next().is_some_and(is_last) && levels.all(is_level);
        let is_whole = text.strip_prefix("$share/").is_none_or(is_shared);
        (is_text && is_filter && is_whole)
            .then(|| Self(text.to_owned()))
            .ok_or(InvalidMqttFilter)
    }
}

fn is_level(level: &str) -> bool {
    level == "+" || !level.contains(['+', '#'])
}

/// Whether this, after `$share/`, is the name of a group and the filter that its members share.
fn is_shared(rest: &str) -> bool {
    let is_group = |group: &str| !group.is_empty() && !group.contains(['+', '#']);
    rest.split_once('/')
        .is_some_and(|(group, filter)| is_group(group) && !filter.is_empty())
}

/// What a broker may answer by closing the connection: control characters, and what Unicode says are no characters.
fn is_strange(letter: char) -> bool {
    let code = u32::from(letter);
    letter.is_control() || code & 0xFFFE == 0xFFFE || (0xFDD0..=0xFDEF).contains(&code)
}

impl FromStr for MqttTopic {
    type Err = InvalidMqttTopic;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_unwanted = |letter: char| is_strange(letter) || matches!(letter, '+' | '#');
        ((1..=MQTT_TOPIC_BYTES_MAX).contains(&text.len()) && !text.contains(is_unwanted))
            .then(|| Self(text.to_owned()))
            .ok_or(InvalidMqttTopic)
    }
}

macro_rules! texts {
    ($($name:ident),+) => {$(
        impl $name {
            /// Its text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )+};
}

texts!(MqttFilter, MqttTopic);

/// How surely a message arrives. There is a third level in MQTT, which is not used here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Qos {
    /// 0: once, or not at all.
    #[default]
    AtMostOnce,
    /// 1: once, or more often.
    AtLeastOnce,
}

impl Qos {
    /// The level with this number.
    pub fn of(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            _ => None,
        }
    }

    /// Its number.
    pub fn number(self) -> u8 {
        match self {
            Self::AtMostOnce => 0,
            Self::AtLeastOnce => 1,
        }
    }
}

impl Serialize for Qos {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.number())
    }
}

impl<'de> Deserialize<'de> for Qos {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(u64::deserialize(deserializer)?).ok_or_else(|| D::Error::custom("qos is 0 or 1"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_of_filters_stand_alone() {
        let longest = "a".repeat(MQTT_FILTER_BYTES_MAX);
        for filter in [
            "#", "+", "/", "a", "a/b", "a/+/b", "+/+/#", "/#", "a//b", "$SYS/#", "grün/é", &longest,
        ] {
            assert_eq!(
                filter.parse::<MqttFilter>().map(|filter| filter.0),
                Ok(filter.to_owned())
            );
        }
        let too_long = "a".repeat(MQTT_FILTER_BYTES_MAX + 1);
        for filter in [
            "", "#/a", "a#", "a/b#", "a+", "+a/b", "a/#/b", "a\0", "a\n", &too_long,
        ] {
            assert_eq!(filter.parse::<MqttFilter>(), Err(InvalidMqttFilter), "{filter:?}");
        }
    }

    #[test]
    fn what_is_shared_has_a_group_and_a_filter() {
        for (filter, is_one) in [
            ("$share/g/a/+", true),
            ("$share/g/#", true),
            ("$share/g//", true),
            ("$share", true),
            ("$share/", false),
            ("$share/g", false),
            ("$share/g/", false),
            ("$share//a", false),
            ("$share/+/a", false),
            ("$share/#", false),
        ] {
            assert_eq!(filter.parse::<MqttFilter>().is_ok(), is_one, "{filter}");
        }
    }

    #[test]
    fn noncharacters_are_nowhere() {
        for (letter, is_one) in [
            ('\u{FDCF}', true),
            ('\u{FDD0}', false),
            ('\u{FDEF}', false),
            ('\u{FDF0}', true),
            ('\u{FFFD}', true),
            ('\u{FFFE}', false),
            ('\u{FFFF}', false),
            ('\u{1FFFE}', false),
            ('\u{10FFFF}', false),
        ] {
            let text = format!("a/{letter}");
            assert_eq!(text.parse::<MqttTopic>().is_ok(), is_one, "{text:?}");
            assert_eq!(text.parse::<MqttFilter>().is_ok(), is_one, "{text:?}");
        }
    }

    #[test]
    fn topics_have_no_stars() {
        let longest = "a".repeat(MQTT_TOPIC_BYTES_MAX);
        for topic in ["a", "/", "home/lamp/set", "grün", &longest] {
            assert!(topic.parse::<MqttTopic>().is_ok(), "{topic}");
        }
        let too_long = "a".repeat(MQTT_TOPIC_BYTES_MAX + 1);
        for topic in ["", "a/+", "#", "a\0", &too_long] {
            assert_eq!(topic.parse::<MqttTopic>(), Err(InvalidMqttTopic), "{topic:?}");
        }
    }
}
