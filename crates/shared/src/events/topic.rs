//! Topics, and patterns of them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::services::docs::CollectionName;

/// Longest topic.
const TOPIC_CHARS_MAX: usize = 128;

/// Topics that begin like this are PiCloud's own.
const RESERVED: &str = "picloud.";

/// What PiCloud tells on topics that begin like this is how runs and events of the app went.
const OF_RUNS: [&str; 2] = ["picloud.script.", "picloud.delivery."];

/// On what PiCloud tells those who subscribe, but for documents.
const TOLD: [&str; 9] = [
    "picloud.delivery.dead",
    "picloud.kv.changed",
    "picloud.kv.deleted",
    "picloud.release",
    "picloud.schedule.missed",
    "picloud.script.failed",
    "picloud.users.changed",
    "picloud.users.created",
    "picloud.users.deleted",
];
/// How topics of documents begin; the name of a collection comes then, a point, and one of [`TOLD_OF_DOCUMENTS`].
const DOCUMENTS: &str = "picloud.docs.";
/// What becomes of documents.
const TOLD_OF_DOCUMENTS: [&str; 3] = ["changed", "deleted", "inserted"];

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

/// Why a text is no topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a topic has 1 to 128 characters, each a letter, a digit or one of _ . - / :")]
pub struct InvalidTopic;

/// Why a text is no pattern of topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{InvalidTopic}, and a pattern may have a * at its end")]
pub struct InvalidTopicPattern;

/// Why nothing would ever come of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "PiCloud tells nothing on such a topic; it tells on {}, \
     and {DOCUMENTS}<collection>.changed, .deleted and .inserted",
    TOLD.join(", ")
)]
pub struct NeverTold;

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

    /// Refuses a pattern of PiCloud's own topics that is none of any: whoever subscribed would wait in vain.
    pub fn require_told(&self) -> Result<(), NeverTold> {
        let is_told = || TOLD.iter().any(|told| self.fits(told)) || self.fits_documents();
        if !self.0.starts_with(RESERVED) || is_told() {
            Ok(())
        } else {
            Err(NeverTold)
        }
    }

    fn fits(&self, topic: &str) -> bool {
        match self.0.strip_suffix('*') {
            None => self.0 == topic,
            Some(prefix) => topic.starts_with(prefix),
        }
    }

    /// Whether there may be a collection of whose documents it wants to know.
    fn fits_documents(&self) -> bool {
        let collection = self.0.strip_prefix(DOCUMENTS).map(|rest| {
            let (name, _) = rest.split_once('.').unwrap_or((rest, ""));
            name.trim_end_matches('*')
        });
        // What a name begins with is a name, too; where none has begun yet, any will do.
        let name = collection.filter(|name| !name.is_empty()).unwrap_or("any");
        let told = TOLD_OF_DOCUMENTS.iter();
        let mut topics = told.map(|what| format!("{DOCUMENTS}{name}.{what}"));
        CollectionName::new(name).is_ok() && topics.any(|topic| self.fits(&topic))
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
    type Err = InvalidTopicPattern;

    fn from_str(text: &str) -> Result<Self, InvalidTopicPattern> {
        let valid = match text.strip_suffix('*') {
            None => !text.is_empty() && is_topic(text, TOPIC_CHARS_MAX),
            Some(prefix) => is_topic(prefix, TOPIC_CHARS_MAX - 1),
        };
        valid.then(|| Self(text.to_owned())).ok_or(InvalidTopicPattern)
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
            assert_eq!(text.parse::<TopicPattern>(), Err(InvalidTopicPattern), "{text}");
        }
        assert!("*".parse::<Topic>().is_err() && "*".parse::<TopicPattern>().is_ok());
        // Where a star is none of the characters, nothing is said of one.
        assert!(!InvalidTopic.to_string().contains('*'));
        assert!(InvalidTopicPattern.to_string().contains('*'));
    }

    #[test]
    fn who_asks_for_a_topic_of_picloud_s_own_that_is_none_is_told() {
        for (pattern, expected) in [
            ("*", true),
            ("picloud*", true),
            ("orders.nonsense", true),
            ("picloud.*", true),
            ("picloud.k*", true),
            ("picloud.release", true),
            ("picloud.release*", true),
            ("picloud.d*", true),
            ("picloud.docs.*", true),
            ("picloud.docs.people*", true),
            ("picloud.docs.people.*", true),
            ("picloud.docs.people.ins*", true),
            ("picloud.docs.people.inserted", true),
            ("picloud.", false),
            ("picloud.nonsense", false),
            ("picloud.nonsense.*", false),
            ("picloud.releases", false),
            ("picloud.kv", false),
            // Only the script that is named gets it.
            ("picloud.delivery.done", false),
            ("picloud.docs", false),
            ("picloud.docs.", false),
            ("picloud.docs.people", false),
            ("picloud.docs.people.created", false),
            ("picloud.docs.people.inserted.*", false),
            ("picloud.docs..inserted", false),
            ("picloud.docs./*", false),
        ] {
            let told = pattern.parse::<TopicPattern>().unwrap().require_told();
            assert_eq!(told.is_ok(), expected, "{pattern}");
        }
        let refused = NeverTold.to_string();
        for named in ["picloud.release", "picloud.docs.<collection>."] {
            assert!(refused.contains(named), "{refused}");
        }
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
