//! Topics, and patterns of them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// Longest topic.
const TOPIC_CHARS_MAX: usize = 128;

/// Topics that begin like this are PiCloud's own.
const RESERVED: &str = "picloud.";

/// What PiCloud tells on topics that begin like this is how runs and events of the app went.
const OF_RUNS: [&str; 2] = ["picloud.script.", "picloud.delivery."];
/// How topics of messages from brokers begin, on which nobody else publishes.
pub const MQTT_TOPICS: &str = "mqtt:";

/// What events are about: 1 to 128 of `a-z`, `A-Z`, `0-9` and `_.-/:`, such as `orders.created`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Topic(String);

/// Which topics somebody wants: one, or all that begin alike, such as `orders.*`, or `*` for all. The star does not stand
/// for PiCloud's own topics: whoever wants them says so with a pattern that begins with `picloud.`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TopicPattern(String);

/// Why a text is no topic, or no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a topic has 1 to 128 characters, each a letter, a digit or one of _ . - / :, \
     and a pattern may have a * at its end"
)]
pub struct InvalidTopic;

impl Topic {
    /// Longest topic.
    pub const CHARS_MAX: usize = TOPIC_CHARS_MAX;

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether only PiCloud may publish on it.
    pub fn is_reserved(&self) -> bool {
        self.is_own() || self.0.starts_with(MQTT_TOPICS)
    }

    /// Whether it is about PiCloud itself.
    pub fn is_own(&self) -> bool {
        self.0.starts_with(RESERVED)
    }

    /// Whether it is about how runs and events went. Nobody is told in turn how those went that were told of that: it would
    /// have no end.
    pub fn is_about_runs(&self) -> bool {
        OF_RUNS.iter().any(|beginning| self.0.starts_with(beginning))
    }
}

impl TopicPattern {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether events on `topic` are wanted.
    pub fn wants(&self, topic: &Topic) -> bool {
        match self.0.strip_suffix('*') {
            None => self.0 == topic.0,
            Some(prefix) => topic.0.starts_with(prefix) && (!topic.is_own() || prefix.starts_with(RESERVED)),
        }
    }
}

fn is_topic(text: &str, chars_max: usize) -> bool {
    text.len() <= chars_max
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.-/:".contains(&byte))
}

impl FromStr for Topic {
    type Err = InvalidTopic;

    fn from_str(text: &str) -> Result<Self, InvalidTopic> {
        (!text.is_empty() && is_topic(text, TOPIC_CHARS_MAX))
            .then(|| Self(text.to_owned()))
            .ok_or(InvalidTopic)
    }
}

impl FromStr for TopicPattern {
    type Err = InvalidTopic;

    fn from_str(text: &str) -> Result<Self, InvalidTopic> {
        let valid = match text.strip_suffix('*') {
            None => !text.is_empty() && is_topic(text, TOPIC_CHARS_MAX),
            Some(prefix) => is_topic(prefix, TOPIC_CHARS_MAX - 1),
        };
        valid.then(|| Self(text.to_owned())).ok_or(InvalidTopic)
    }
}

macro_rules! texts {
    ($($name:ident),+) => {$(
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

texts!(Topic, TopicPattern);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_plain_words() {
        let longest = "a".repeat(128);
        for topic in ["a", "orders.created", "A_b-c/d:e.9", "picloud.release", &longest] {
            assert_eq!(topic.parse::<Topic>().unwrap().as_str(), topic);
            assert!(topic.parse::<TopicPattern>().is_ok(), "{topic}");
        }
        let too_long = "a".repeat(129);
        for text in ["", "a b", "ä", "a*b", "**", "a\n", &too_long] {
            assert_eq!(text.parse::<Topic>(), Err(InvalidTopic), "{text}");
            assert_eq!(text.parse::<TopicPattern>(), Err(InvalidTopic), "{text}");
        }
        assert!("*".parse::<Topic>().is_err() && "*".parse::<TopicPattern>().is_ok());
    }

    #[test]
    fn what_tells_of_runs_is_another_thing_than_what_tells_of_data() {
        for (topic, expected) in [
            ("picloud.script.failed", true),
            ("picloud.delivery.dead", true),
            ("picloud.kv.changed", false),
            ("picloud.release", false),
            ("script.failed", false),
        ] {
            assert_eq!(
                topic.parse::<Topic>().unwrap().is_about_runs(),
                expected,
                "{topic}"
            );
        }
    }

    #[test]
    fn a_star_stands_for_the_rest_but_not_for_what_is_picloud_s_own() {
        for (pattern, topic, expected) in [
            ("orders.created", "orders.created", true),
            ("orders.created", "orders.created.x", false),
            ("orders.*", "orders.created", true),
            ("orders.*", "orders", false),
            ("*", "orders", true),
            ("*", "picloud.release", false),
            ("pic*", "picloud.release", false),
            ("pic*", "pictures", true),
            ("picloud.*", "picloud.release", true),
            ("picloud.release", "picloud.release", true),
            ("mqtt:home/*", "mqtt:home/lamp", true),
            ("*", "mqtt:home/lamp", true),
        ] {
            let wants = pattern
                .parse::<TopicPattern>()
                .unwrap()
                .wants(&topic.parse().unwrap());
            assert_eq!(wants, expected, "{pattern} {topic}");
        }
    }
}
