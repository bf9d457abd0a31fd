//! MQTT: the brokers of apps, the topics that they know, and the messages that go to them.
//!
//! Reading order: `broker` (what is set), `words` (topics, filters and levels of quality), `message` (what a script
//! publishes, and the topic of the event that a message becomes), `state` (how a connection is).

mod broker;
mod message;
mod state;
mod words;

pub use self::{
    broker::{
        BROKER_CA_BYTES_MAX, BROKER_PASSWORD_BYTES_MAX, BROKER_USERNAME_BYTES_MAX, BROKERS_PER_APP_MAX,
        Broker, BrokerName, BrokerSettings, BrokerUrl, CLIENT_ID_BYTES_MAX, Credentials,
        FILTERS_PER_BROKER_MAX, InvalidBrokerName, InvalidBrokerUrl, KEEP_ALIVE_S_DEFAULT, KEEP_ALIVE_S_MAX,
        KEEP_ALIVE_S_MIN, MqttVersion, SignIn, Subscribed, UnknownMqttVersion,
    },
    message::{
        MESSAGE_AGE_MAX, MESSAGE_BYTES_MAX, MESSAGES_PER_COMMIT_MAX, MESSAGES_WAITING_BYTES_PER_BROKER_MAX,
        MESSAGES_WAITING_PER_BROKER_MAX, NewMessage, WaitingMessage, event_topic,
    },
    state::{BrokerState, BrokerStatus},
    words::{
        InvalidMqttFilter, InvalidMqttTopic, MQTT_FILTER_BYTES_MAX, MQTT_TOPIC_BYTES_MAX, MqttFilter,
        MqttTopic, Qos,
    },
};
