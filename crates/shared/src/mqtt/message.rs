//! Messages: those that scripts publish, and the topics of the events that others become.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{BrokerName, MqttTopic, Qos};
use crate::{
    events::{MQTT_TOPICS, Topic},
    time::Timestamp,
};

/// Bytes of one message.
pub const MESSAGE_BYTES_MAX: usize = crate::events::EVENT_DATA_BYTES_MAX;

/// Messages that one transaction of a script may publish.
pub const MESSAGES_PER_COMMIT_MAX: usize = 100;

/// Messages that may wait for one broker. More are refused.
pub const MESSAGES_WAITING_PER_BROKER_MAX: u64 = 10_000;

/// Bytes of all messages that may wait for one broker: see [`NewMessage::bytes`]. More are refused.
pub const MESSAGES_WAITING_BYTES_PER_BROKER_MAX: u64 = 64 * 1_024 * 1_024;

/// How old a message may be when it goes to its broker.
pub const MESSAGE_AGE_MAX: Duration = Duration::from_hours(24);

/// A message that a script publishes, to be sent once its run is committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewMessage {
    /// Which broker of the app it goes to.
    pub broker: BrokerName,
    /// On which topic.
    pub topic: MqttTopic,
    /// At most [`MESSAGE_BYTES_MAX`].
    pub payload: Bytes,
    /// How surely it arrives.
    pub qos: Qos,
    /// Whether the broker keeps it for those who subscribe later.
    pub retain: bool,
    /// What it is, if that is known; told to brokers that speak MQTT 5.
    pub content_type: Option<String>,
    /// How many events led to it.
    pub depth: u8,
}

impl NewMessage {
    /// Bytes that count as long as it waits.
    pub fn bytes(&self) -> u64 {
        let content_type = self.content_type.as_ref().map_or(0, String::len);
        (self.topic.as_str().len() + self.payload.len() + content_type) as u64
    }
}

/// A message that waits for its broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingMessage {
    /// Orders those of one broker.
    pub number: i64,
    /// On which topic.
    pub topic: MqttTopic,
    /// What it says.
    pub payload: Bytes,
    /// How surely it arrives.
    pub qos: Qos,
    /// Whether the broker keeps it for those who subscribe later.
    pub retain: bool,
    /// What it is, if that is known.
    pub content_type: Option<String>,
    /// How many events led to it.
    pub depth: u8,
    /// When its run was committed.
    pub published_at: Timestamp,
}

/// The topic of the event that a message of a broker becomes: `mqtt:home/lamp/state`. What topics of events cannot have is
/// `_` there, and what is too long is cut off.
pub fn event_topic(broker: &BrokerName, topic: &str) -> Option<Topic> {
    let begin = format!("{MQTT_TOPICS}{broker}/");
    let rest = topic.chars().map(|letter| {
        let is_kept = letter.is_ascii_alphanumeric() || "_.-/:".contains(letter);
        if is_kept { letter } else { '_' }
    });
    let text: String = begin.chars().chain(rest).take(Topic::CHARS_MAX).collect();
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> BrokerName {
        text.parse().expect("a name")
    }

    #[test]
    fn a_message_becomes_an_event_on_a_topic_like_its_own() {
        for (topic, expected) in [
            ("sensors/kitchen/temp", "mqtt:home/sensors/kitchen/temp"),
            ("/a b/ü", "mqtt:home//a_b/_"),
            ("$SYS/uptime", "mqtt:home/_SYS/uptime"),
        ] {
            let made = event_topic(&name("home"), topic).map(|topic| topic.to_string());
            assert_eq!(made.as_deref(), Some(expected));
        }
        let long = event_topic(&name("home"), &"x".repeat(1_000)).map(|topic| topic.to_string().len());
        assert_eq!(long, Some(128));
    }

    proptest! {
        #[test]
        fn whatever_the_topic_is_there_is_one_for_its_event(topic in "\\PC{0,200}", broker in "[a-z0-9-]{1,32}") {
            let broker = name(&broker);
            let made = event_topic(&broker, &topic).expect("a topic");
            let begin = format!("mqtt:{broker}/");
            prop_assert!(made.is_reserved() && made.as_str().starts_with(&begin));
            let again = event_topic(&broker, &topic);
            prop_assert_eq!(again, Some(made));
        }
    }
}
