//! Messages of scripts, which wait in the database until the broker has them.

use std::collections::HashMap;

use picloud_shared::mqtt::{MESSAGE_AGE_MAX, Qos, WaitingMessage};

use super::{connection::Lost, encode, reason, talk::Talk};

/// Messages that are under way at one time.
const IN_FLIGHT_MAX: u16 = 20;
/// The codes of messages from which on they are refused.
const REFUSED: u8 = 0x80;

/// Messages that are under way.
pub(super) struct Flight {
    /// All of them: they are deleted at one time.
    numbers: Vec<i64>,
    /// Those of which the broker has not said that it has them, with their topics.
    waiting: HashMap<u16, String>,
}

impl Flight {
    /// Whether one with this id is under way.
    pub(super) fn has(&self, id: u16) -> bool {
        self.waiting.contains_key(&id)
    }
}

impl Talk {
    /// Deletes what the broker has, and sends what waits, as far as it takes it.
    pub(super) async fn send(&mut self) -> Result<(), Lost> {
        let broker = self.link.broker.id;
        loop {
            if let Some(flight) = &self.flight {
                if !flight.waiting.is_empty() {
                    return Ok(());
                }
                self.link
                    .parts
                    .repository
                    .delete_messages(broker, &flight.numbers)
                    .await?;
                self.flight = None;
                self.may_send = true;
            }
            if !self.may_send {
                return Ok(());
            }
            self.may_send = false;
            let most = IN_FLIGHT_MAX.min(self.limits.in_flight);
            let waiting = self.link.parts.repository.waiting_messages(broker, most.into());
            let waiting = waiting.await?;
            if waiting.is_empty() {
                return Ok(());
            }
            self.flight = Some(Flight {
                numbers: waiting.iter().map(|message| message.number).collect(),
                waiting: HashMap::new(),
            });
            for message in &waiting {
                self.send_one(message).await?;
            }
        }
    }

    async fn send_one(&mut self, message: &WaitingMessage) -> Result<(), Lost> {
        let topic = &message.topic;
        let now = self.link.parts.clock.now();
        if message.published_at.plus(MESSAGE_AGE_MAX) < now {
            self.link.refused(format!(
                "a message for `{topic}` is older than a day, and was not sent"
            ));
            return Ok(());
        }
        let qos = message.qos.min(self.limits.qos);
        let id = self.new_id();
        let retain = message.retain && self.limits.has_retain;
        let packet = encode::publish(self.version, id, message, qos, retain);
        if packet.len() > self.limits.packet_bytes {
            let bytes = message.payload.len();
            self.link.refused(format!(
                "a message for `{topic}` has {bytes} bytes, more than the broker takes"
            ));
            return Ok(());
        }
        if qos == Qos::AtLeastOnce
            && let Some(flight) = &mut self.flight
        {
            flight.waiting.insert(id, topic.as_str().to_owned());
        }
        self.write(&packet).await
    }

    /// The broker has a message, or does not want it.
    pub(super) fn landed(&mut self, id: u16, code: u8) {
        let landed = self.flight.as_mut().and_then(|flight| flight.waiting.remove(&id));
        if let Some(topic) = landed
            && code >= REFUSED
        {
            let why = format!("the broker does not take a message for `{topic}`");
            self.link.refused(reason::told(&why, code, None));
        }
    }
}
