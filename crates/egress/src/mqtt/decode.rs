//! From bytes to what a broker says.

use bytes::{Buf as _, Bytes, BytesMut};
use picloud_shared::mqtt::{MqttVersion, Qos};

use super::packet::{DEPTH_PROPERTY, Invalid, Message, PACKET_BYTES_MAX, Packet, Properties};

/// Bytes of a length at most.
const LENGTH_BYTES_MAX: usize = 4;

/// Takes what was read apart.
#[derive(Debug)]
pub(super) struct Decoder {
    version: MqttVersion,
    /// What was read and not taken apart yet.
    pub(super) buffer: BytesMut,
    /// How many of the bytes that come belong to a packet that is too large.
    skipped: usize,
}

impl Decoder {
    pub(super) fn new(version: MqttVersion) -> Self {
        Self {
            version,
            buffer: BytesMut::new(),
            skipped: 0,
        }
    }

    /// The next packet, if it has been read.
    pub(super) fn next(&mut self) -> Result<Option<Packet>, Invalid> {
        if self.skipped > 0 {
            let now = self.skipped.min(self.buffer.len());
            self.buffer.advance(now);
            self.skipped -= now;
        }
        let Some(&first) = self.buffer.first() else {
            return Ok(None);
        };
        let Some((length, length_bytes)) = length(&self.buffer[1..])? else {
            return Ok(None);
        };
        let head = 1 + length_bytes;
        if length > PACKET_BYTES_MAX {
            return self.too_large(first, head, length);
        }
        if self.buffer.len() < head + length {
            return Ok(None);
        }
        self.buffer.advance(head);
        let body = self.buffer.split_to(length).freeze();
        packet(first, Reader(body), self.version).map(Some)
    }

    /// A message of which no more is read than what it takes to acknowledge it.
    fn too_large(&mut self, first: u8, head: usize, length: usize) -> Result<Option<Packet>, Invalid> {
        if first >> 4 != kind::MESSAGE {
            return Err(Invalid("a packet is too large"));
        }
        let qos = qos(first)?;
        let body = &self.buffer[head..];
        let &[high, low, ..] = body else {
            return Ok(None);
        };
        let topic = usize::from(u16::from_be_bytes([high, low]));
        let needed = 2 + topic + if qos == Qos::AtLeastOnce { 2 } else { 0 };
        if body.len() < needed {
            return Ok(None);
        }
        let mut reader = Reader(Bytes::copy_from_slice(&body[..needed]));
        let topic = reader.text()?;
        let id = (qos == Qos::AtLeastOnce).then(|| reader.u16()).transpose()?;
        self.buffer.advance(head + needed);
        self.skipped = length - needed;
        Ok(Some(Packet::TooLarge {
            topic,
            id,
            bytes: length,
        }))
    }
}

/// What the first four bits of a packet say.
mod kind {
    pub(super) const CONNECTED: u8 = 2;
    pub(super) const MESSAGE: u8 = 3;
    pub(super) const ACKNOWLEDGED: u8 = 4;
    pub(super) const SUBSCRIBED: u8 = 9;
    pub(super) const UNSUBSCRIBED: u8 = 11;
    pub(super) const PONG: u8 = 13;
    pub(super) const DISCONNECTED: u8 = 14;
}

/// A length, and how many bytes it has; nothing if it has not been read as a whole.
fn length(bytes: &[u8]) -> Result<Option<(usize, usize)>, Invalid> {
    let mut length = 0;
    for (index, byte) in bytes.iter().take(LENGTH_BYTES_MAX).enumerate() {
        length |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok(Some((length, index + 1)));
        }
    }
    if bytes.len() >= LENGTH_BYTES_MAX {
        return Err(Invalid("a length has no end"));
    }
    Ok(None)
}

fn qos(first: u8) -> Result<Qos, Invalid> {
    Qos::of(u64::from((first >> 1) & 3)).ok_or(Invalid("a message has a quality that was not asked for"))
}

fn packet(first: u8, mut body: Reader, version: MqttVersion) -> Result<Packet, Invalid> {
    let is_v5 = version == MqttVersion::V5;
    match first >> 4 {
        kind::CONNECTED => Ok(Packet::Connected {
            session_present: body.u8()? & 1 == 1,
            code: body.u8()?,
            properties: body.properties_if(is_v5)?,
        }),
        kind::MESSAGE => message(first, body, is_v5).map(Packet::Message),
        kind::ACKNOWLEDGED => Ok(Packet::Acknowledged {
            id: body.u16()?,
            code: if body.0.is_empty() { 0 } else { body.u8()? },
        }),
        kind::SUBSCRIBED => {
            let id = body.u16()?;
            body.properties_if(is_v5)?;
            Ok(Packet::Subscribed {
                id,
                codes: body.0.to_vec(),
            })
        }
        kind::UNSUBSCRIBED => Ok(Packet::Unsubscribed { id: body.u16()? }),
        kind::PONG => Ok(Packet::Pong),
        kind::DISCONNECTED if is_v5 => Ok(Packet::Disconnected {
            code: if body.0.is_empty() { 0 } else { body.u8()? },
            properties: body.properties_if(!body.0.is_empty())?,
        }),
        _ => Err(Invalid("nobody says that to a client")),
    }
}

fn message(first: u8, mut body: Reader, is_v5: bool) -> Result<Message, Invalid> {
    let qos = qos(first)?;
    let topic = body.text()?;
    let id = (qos == Qos::AtLeastOnce).then(|| body.u16()).transpose()?;
    let properties = body.properties_if(is_v5)?;
    if topic.is_empty() || id == Some(0) {
        return Err(Invalid("a message has no topic, or no number"));
    }
    Ok(Message {
        topic,
        payload: body.0,
        qos,
        retain: first & 1 == 1,
        id,
        properties,
    })
}

/// The rest of a packet.
struct Reader(Bytes);

impl Reader {
    fn take(&mut self, bytes: usize) -> Result<Bytes, Invalid> {
        if self.0.len() < bytes {
            return Err(Invalid("a packet ends too soon"));
        }
        Ok(self.0.split_to(bytes))
    }

    fn u8(&mut self) -> Result<u8, Invalid> {
        self.take(1).map(|mut bytes| bytes.get_u8())
    }

    fn u16(&mut self) -> Result<u16, Invalid> {
        self.take(2).map(|mut bytes| bytes.get_u16())
    }

    fn u32(&mut self) -> Result<u32, Invalid> {
        self.take(4).map(|mut bytes| bytes.get_u32())
    }

    fn bytes(&mut self) -> Result<Bytes, Invalid> {
        let length = self.u16()?;
        self.take(length.into())
    }

    fn text(&mut self) -> Result<String, Invalid> {
        let bytes = self.bytes()?;
        String::from_utf8(bytes.into()).map_err(|_| Invalid("a text is no UTF-8"))
    }

    fn length(&mut self) -> Result<usize, Invalid> {
        let (length, bytes) = length(&self.0)?.ok_or(Invalid("a packet ends too soon"))?;
        self.take(bytes)?;
        Ok(length)
    }

    fn properties_if(&mut self, are_there: bool) -> Result<Properties, Invalid> {
        let mut properties = Properties::default();
        if !are_there || self.0.is_empty() {
            return Ok(properties);
        }
        let length = self.length()?;
        let mut rest = Self(self.take(length)?);
        while !rest.0.is_empty() {
            rest.property(&mut properties)?;
        }
        Ok(properties)
    }

    /// Reads one property, and keeps it if somebody wants it. Which have which form stands in chapter 2.2.2.2 of MQTT 5.
    fn property(&mut self, properties: &mut Properties) -> Result<(), Invalid> {
        match self.u8()? {
            0x03 => properties.content_type = Some(self.text()?),
            0x1F => properties.reason = Some(self.text()?),
            0x13 => properties.keep_alive_s = Some(self.u16()?),
            0x21 => properties.receive_max = Some(self.u16()?),
            0x24 => properties.qos_max = Some(self.u8()?),
            0x25 => properties.has_retain = Some(self.u8()? == 1),
            0x26 => {
                let (name, value) = (self.text()?, self.text()?);
                if name == DEPTH_PROPERTY {
                    properties.depth = value.parse().ok();
                }
            }
            0x27 => properties.packet_bytes_max = Some(self.u32()?),
            0x01 | 0x17 | 0x19 | 0x28 | 0x29 | 0x2A => {
                self.u8()?;
            }
            0x22 | 0x23 => {
                self.u16()?;
            }
            0x02 | 0x11 | 0x18 => {
                self.u32()?;
            }
            0x08 | 0x09 | 0x12 | 0x15 | 0x16 | 0x1A | 0x1C => {
                self.bytes()?;
            }
            0x0B => {
                self.length()?;
            }
            _ => return Err(Invalid("there is no such property")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a decoder makes of `bytes`, given to it in parts of `part` bytes.
    fn decoded(version: MqttVersion, bytes: &[u8], part: usize) -> Result<Vec<Packet>, Invalid> {
        let mut decoder = Decoder::new(version);
        let mut packets = Vec::new();
        for part in bytes.chunks(part) {
            decoder.buffer.extend_from_slice(part);
            while let Some(packet) = decoder.next()? {
                packets.push(packet);
            }
        }
        assert!(
            decoder.buffer.is_empty() && decoder.skipped == 0,
            "all of it is read"
        );
        Ok(packets)
    }

    #[test]
    fn packets_are_read_in_whatever_parts_they_come() {
        let said = [
            &[0x20, 0x02, 0x01, 0x00][..],
            &[0x33, 0x08, 0x00, 0x03, b'a', b'/', b'b', 0x00, 0x07, b'x'],
            &[0x40, 0x02, 0x00, 0x07],
            &[0x90, 0x04, 0x00, 0x01, 0x01, 0x80],
            &[0xB0, 0x02, 0x00, 0x02],
            &[0xD0, 0x00],
        ]
        .concat();
        let expected = [
            Packet::Connected {
                session_present: true,
                code: 0,
                properties: Properties::default(),
            },
            Packet::Message(Message {
                topic: "a/b".to_owned(),
                payload: Bytes::from_static(b"x"),
                qos: Qos::AtLeastOnce,
                retain: true,
                id: Some(7),
                properties: Properties::default(),
            }),
            Packet::Acknowledged { id: 7, code: 0 },
            Packet::Subscribed {
                id: 1,
                codes: vec![1, 0x80],
            },
            Packet::Unsubscribed { id: 2 },
            Packet::Pong,
        ];
        for part in [1, 2, 3, 5, 1_000] {
            assert_eq!(
                decoded(MqttVersion::V3, &said, part).as_deref(),
                Ok(&expected[..])
            );
        }
    }

    #[test]
    fn properties_of_version_5_are_read() {
        let mut body = vec![0x00, 0x01, b'a', 0x00];
        let depth = [&[0x26, 0x00, 0x0D][..], b"picloud-depth", &[0x00, 0x01, b'3']].concat();
        let kind = [&[0x03, 0x00, 0x0A][..], b"text/plain"].concat();
        let others = [0x01, 0x01, 0x02, 0, 0, 0, 9, 0x0B, 0x81, 0x01];
        let properties = [&depth[..], &kind, &others].concat();
        *body.last_mut().expect("a byte") = u8::try_from(properties.len()).expect("a short text");
        body.extend(properties);
        body.extend(b"hello");
        let said = [vec![0x30, u8::try_from(body.len()).expect("a short text")], body].concat();
        let packets = decoded(MqttVersion::V5, &said, 4).expect("it is read");
        let [Packet::Message(message)] = &packets[..] else {
            panic!("a message: {packets:?}");
        };
        assert_eq!(
            (
                message.properties.depth,
                message.properties.content_type.as_deref(),
                &message.payload[..]
            ),
            (Some(3), Some("text/plain"), &b"hello"[..])
        );
    }

    #[test]
    fn what_is_too_large_is_skipped_and_can_be_acknowledged() {
        let bytes = PACKET_BYTES_MAX + 1;
        let length = [
            u8::try_from(bytes & 0x7F).expect("seven bits") | 0x80,
            u8::try_from((bytes >> 7) & 0x7F).expect("seven bits") | 0x80,
            u8::try_from(bytes >> 14).expect("seven bits"),
        ];
        let head = [&[0x32][..], &length, &[0x00, 0x01, b'a', 0x00, 0x05]].concat();
        let said = [head, vec![0; bytes - 5], vec![0xD0, 0x00]].concat();
        let expected = [
            Packet::TooLarge {
                topic: "a".to_owned(),
                id: Some(5),
                bytes,
            },
            Packet::Pong,
        ];
        for part in [1_000, 1_000_000] {
            assert_eq!(
                decoded(MqttVersion::V3, &said, part).as_deref(),
                Ok(&expected[..])
            );
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for said in [
            &[0x34, 0x05, 0x00, 0x01, b'a', 0x00, 0x01][..],
            &[0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
            &[0x30, 0x02, 0x00, 0x05],
            &[0x30, 0x03, 0x00, 0x01, 0xFF],
            &[0x30, 0x02, 0x00, 0x00],
            &[0x20, 0x01, 0x00],
            &[0xC0, 0x00],
            &[0xE0, 0x00],
            &[0x90, 0xFF, 0xFF, 0xFF, 0x7F],
        ] {
            assert!(decoded(MqttVersion::V3, said, 1_000).is_err(), "{said:x?}");
        }
    }
}
