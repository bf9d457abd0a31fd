//! What a broker says.

use bytes::Bytes;
use picloud_shared::mqtt::{MESSAGE_BYTES_MAX, Qos};

/// Bytes of the largest packet that is read as a whole: a message with a long topic and much beside it.
pub(super) const PACKET_BYTES_MAX: usize = MESSAGE_BYTES_MAX + 128 * 1_024;

/// The name of the property that tells how many events led to a message, so that loops end.
pub(super) const DEPTH_PROPERTY: &str = "picloud-depth";

/// One thing that a broker says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Packet {
    /// Whether one may come in.
    Connected {
        /// Whether it still knows what was subscribed to.
        session_present: bool,
        /// 0 if so.
        code: u8,
        properties: Properties,
    },
    /// A message.
    Message(Message),
    /// One that is too large, and of which the rest is skipped.
    TooLarge {
        topic: String,
        /// What it is acknowledged with, if it wants that.
        id: Option<u16>,
        bytes: usize,
    },
    /// It has a message.
    Acknowledged { id: u16, code: u8 },
    /// What became of filters, each with its code.
    Subscribed { id: u16, codes: Vec<u8> },
    /// Filters are forgotten.
    Unsubscribed { id: u16 },
    /// It is there.
    Pong,
    /// It ends the connection (MQTT 5).
    Disconnected { code: u8, properties: Properties },
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    pub(super) qos: Qos,
    pub(super) retain: bool,
    /// What it is acknowledged with, if it wants that.
    pub(super) id: Option<u16>,
    pub(super) properties: Properties,
}

/// What a packet of MQTT 5 has beside the rest, as far as anybody here wants it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Properties {
    pub(super) content_type: Option<String>,
    /// How many events led to a message.
    pub(super) depth: Option<u8>,
    /// Why, in words of the broker.
    pub(super) reason: Option<String>,
    /// After how many seconds of silence it wants to hear something.
    pub(super) keep_alive_s: Option<u16>,
    /// How many messages it takes before it has acknowledged the first of them.
    pub(super) receive_max: Option<u16>,
    pub(super) qos_max: Option<u8>,
    pub(super) packet_bytes_max: Option<u32>,
    pub(super) has_retain: Option<bool>,
}

/// Why what a broker says is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what it says is not MQTT of this version: {0}")]
pub(super) struct Invalid(pub(super) &'static str);
