//! What is said to a broker, in bytes.

use picloud_shared::mqtt::{Credentials, MqttFilter, MqttVersion, Qos, Subscribed, WaitingMessage};

use super::packet::{DEPTH_PROPERTY, PACKET_BYTES_MAX};

/// How long a broker that speaks MQTT 5 keeps what comes while PiCloud is away, in seconds: a week.
const SESSION_S: u32 = 7 * 24 * 60 * 60;

/// Messages of quality 1 that a broker which speaks MQTT 5 sends before the first of them is acknowledged.
pub(super) const IN_FLIGHT_MAX: u16 = 20;

/// That PiCloud is there, if nothing else was said.
pub(super) const PING: [u8; 2] = [0xC0, 0x00];

/// Comes in. What the broker keeps for this client id is kept.
pub(super) fn connect(
    version: MqttVersion,
    client_id: &str,
    credentials: Option<&Credentials>,
    keep_alive_s: u16,
) -> Vec<u8> {
    let mut body = Vec::new();
    text(&mut body, "MQTT");
    body.push(match version {
        MqttVersion::V3 => 4,
        MqttVersion::V5 => 5,
    });
    let password = credentials.and_then(|credentials| credentials.password.as_ref());
    let flag = |is_set: bool, bit: u8| u8::from(is_set) << bit;
    body.push(flag(credentials.is_some(), 7) | flag(password.is_some(), 6));
    body.extend(keep_alive_s.to_be_bytes());
    if version == MqttVersion::V5 {
        let packet_max = u32::try_from(PACKET_BYTES_MAX).unwrap_or(u32::MAX);
        let mut properties = vec![0x11];
        properties.extend(SESSION_S.to_be_bytes());
        properties.push(0x21);
        properties.extend(IN_FLIGHT_MAX.to_be_bytes());
        properties.push(0x27);
        properties.extend(packet_max.to_be_bytes());
        append_properties(&mut body, &properties);
    }
    text(&mut body, client_id);
    if let Some(credentials) = credentials {
        text(&mut body, &credentials.username);
    }
    if let Some(password) = password {
        text(&mut body, password.expose());
    }
    packet(0x10, &body)
}

/// Subscribes.
pub(super) fn subscribe<'f>(
    version: MqttVersion,
    id: u16,
    filters: impl IntoIterator<Item = &'f Subscribed>,
) -> Vec<u8> {
    let mut body = begin(version, id);
    for Subscribed { filter, qos } in filters {
        text(&mut body, filter.as_str());
        body.push(qos.number());
    }
    packet(0x82, &body)
}

/// Wants no more of some filters.
pub(super) fn unsubscribe<'f>(
    version: MqttVersion,
    id: u16,
    filters: impl IntoIterator<Item = &'f MqttFilter>,
) -> Vec<u8> {
    let mut body = begin(version, id);
    for filter in filters {
        text(&mut body, filter.as_str());
    }
    packet(0xA2, &body)
}

/// A message, as `qos` and with `retain` if the broker can do that.
pub(super) fn publish(
    version: MqttVersion,
    id: u16,
    message: &WaitingMessage,
    qos: Qos,
    retain: bool,
) -> Vec<u8> {
    let mut body = Vec::with_capacity(message.topic.as_str().len() + message.payload.len() + 64);
    text(&mut body, message.topic.as_str());
    if qos == Qos::AtLeastOnce {
        body.extend(id.to_be_bytes());
    }
    if version == MqttVersion::V5 {
        let mut properties = Vec::new();
        if let Some(content_type) = &message.content_type {
            properties.push(0x03);
            text(&mut properties, content_type);
        }
        properties.push(0x26);
        text(&mut properties, DEPTH_PROPERTY);
        text(&mut properties, &message.depth.to_string());
        append_properties(&mut body, &properties);
    }
    body.extend_from_slice(&message.payload);
    packet(0x30 | (qos.number() << 1) | u8::from(retain), &body)
}

/// That a message is taken.
pub(super) fn acknowledge(id: u16) -> [u8; 4] {
    let [high, low] = id.to_be_bytes();
    [0x40, 0x02, high, low]
}

/// Goes; with `forget`, the broker need not keep anything.
pub(super) fn disconnect(version: MqttVersion, forget: bool) -> Vec<u8> {
    if forget && version == MqttVersion::V5 {
        packet(0xE0, &[0x00, 0x05, 0x11, 0, 0, 0, 0])
    } else {
        packet(0xE0, &[])
    }
}

fn begin(version: MqttVersion, id: u16) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    if version == MqttVersion::V5 {
        append_properties(&mut body, &[]);
    }
    body
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(body.len() + 5);
    packet.push(first);
    append_length(&mut packet, body.len());
    packet.extend_from_slice(body);
    packet
}

fn append_properties(out: &mut Vec<u8>, properties: &[u8]) {
    append_length(out, properties.len());
    out.extend_from_slice(properties);
}

fn append_length(out: &mut Vec<u8>, mut length: usize) {
    loop {
        let bits = u8::try_from(length & 0x7F).unwrap_or_default();
        length >>= 7;
        if length == 0 {
            out.push(bits);
            return;
        }
        out.push(bits | 0x80);
    }
}

/// A text, of which no one that comes here is longer than what a length of two bytes can say.
fn text(out: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    out.extend(length.to_be_bytes());
    out.extend_from_slice(&text.as_bytes()[..length.into()]);
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use picloud_shared::time::Timestamp;
    use proptest::prelude::*;

    use super::{
        super::{decode::Decoder, packet::Packet},
        *,
    };

    proptest! {
        #[test]
        fn what_is_published_is_read_as_it_was(
            topic in "[^+#\\pC]{1,60}",
            payload in prop::collection::vec(any::<u8>(), 0..20_000),
            is_sure: bool,
            retain: bool,
            is_v5: bool,
            id in 1..=u16::MAX,
            depth in 0..16_u8,
        ) {
            let version = if is_v5 { MqttVersion::V5 } else { MqttVersion::V3 };
            let qos = if is_sure { Qos::AtLeastOnce } else { Qos::AtMostOnce };
            let message = WaitingMessage {
                number: 1,
                topic: topic.parse().expect("a topic"),
                payload: Bytes::from(payload.clone()),
                qos,
                retain,
                content_type: Some("application/json".to_owned()),
                depth,
                published_at: Timestamp::from_micros(0),
            };
            let mut decoder = Decoder::new(version);
            decoder.buffer.extend_from_slice(&publish(version, id, &message, qos, retain));
            let Ok(Some(Packet::Message(read))) = decoder.next() else {
                return Err(TestCaseError::fail("no message"));
            };
            prop_assert_eq!(&read.topic, message.topic.as_str());
            prop_assert_eq!(&read.payload[..], &payload[..]);
            prop_assert_eq!((read.qos, read.retain), (qos, retain));
            prop_assert_eq!(read.id, is_sure.then_some(id));
            prop_assert_eq!(read.properties.depth, is_v5.then_some(depth));
            prop_assert!(decoder.buffer.is_empty());
        }
    }

    #[test]
    fn coming_in_looks_as_the_standard_says() {
        let credentials = Credentials {
            username: "ada".to_owned(),
            password: Some("pw".to_owned().into()),
        };
        let said = connect(MqttVersion::V3, "id", Some(&credentials), 60);
        let expected = [
            &[0x10, 0x17, 0x00, 0x04][..],
            b"MQTT",
            &[0x04, 0xC0, 0x00, 0x3C, 0x00, 0x02],
            b"id",
            &[0x00, 0x03],
            b"ada",
            &[0x00, 0x02],
            b"pw",
        ]
        .concat();
        assert_eq!(said, expected);
        let said = connect(MqttVersion::V5, "id", None, 60);
        assert_eq!(said[8..13], [0x05, 0x00, 0x00, 0x3C, 0x0D]);
        assert_eq!(said[18..21], [0x21, 0x00, 0x14]);
    }
}
