//! Messages of scripts, which wait in the database until the broker has them.

use std::collections::{BTreeMap, HashMap};

use picloud_shared::mqtt::{MESSAGE_AGE_MAX, Qos, WaitingMessage};

use super::{
    connection::{Link, Lost},
    encode, reason,
    talk::Talk,
};

/// Messages that are under way at one time.
const IN_FLIGHT_MAX: u16 = 20;
/// The codes of messages from which on they are refused.
const REFUSED: u8 = 0x80;
/// A message that was under way alone so often when the broker ended the connection is given up.
const ENDS_MAX: u32 = 3;

/// Messages that are under way.
#[derive(Default)]
pub(super) struct Flight {
    /// Those that nothing more is done with: they are deleted at one time.
    done: Vec<i64>,
    /// Those of which it is not known that the broker has them, with their topics.
    under_way: BTreeMap<i64, String>,
    /// Which of them an acknowledgement means.
    ids: HashMap<u16, i64>,
}

/// What a broker may have ended the connection for. One message that it takes in no way must not hold up all others.
#[derive(Default)]
pub(super) struct Doubt {
    /// Up to this number messages go one at a time.
    up_to: Option<i64>,
    /// The message that was under way alone when the broker last ended the connection, and how often that was.
    alone: Option<(i64, u32)>,
}

impl Flight {
    /// Whether one with this id is under way.
    pub(super) fn has(&self, id: u16) -> bool {
        self.ids.contains_key(&id)
    }
}

impl Doubt {
    /// Notes what was under way when the broker ended the connection; tells which message is given up, if one is.
    fn note(&mut self, under_way: &BTreeMap<i64, String>) -> Option<i64> {
        let (&last, _) = under_way.last_key_value()?;
        self.up_to = self.up_to.max(Some(last));
        if under_way.len() > 1 {
            return None;
        }
        let ends = match self.alone {
            Some((number, ends)) if number == last => ends + 1,
            _ => 1,
        };
        self.alone = Some((last, ends));
        (ends >= ENDS_MAX).then_some(last)
    }
}

impl Talk {
    /// Deletes what the broker has, and sends what waits, as far as it takes it.
    pub(super) async fn send(&mut self) -> Result<(), Lost> {
        let broker = self.link.broker.id;
        loop {
            if let Some(flight) = &self.flight {
                if !flight.under_way.is_empty() {
                    return Ok(());
                }
                self.link
                    .parts
                    .repository
                    .delete_messages(broker, &flight.done)
                    .await?;
                self.flight = None;
                self.may_send = true;
            }
            if !self.may_send {
                return Ok(());
            }
            self.may_send = false;
            let up_to = self.link.doubt().up_to;
            let most = if up_to.is_some() { 1 } else { IN_FLIGHT_MAX };
            let most = most.min(self.limits.in_flight);
            let waiting = self.link.parts.repository.waiting_messages(broker, most.into());
            let waiting = waiting.await?;
            let Some(first) = waiting.first() else {
                return Ok(());
            };
            if up_to.is_some_and(|up_to| first.number > up_to) {
                self.link.doubt().up_to = None;
            }
            self.flight = Some(Flight::default());
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
            self.is_done(message.number);
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
            self.is_done(message.number);
            return Ok(());
        }
        if let Some(flight) = &mut self.flight {
            flight.under_way.insert(message.number, topic.to_string());
            if qos == Qos::AtLeastOnce {
                flight.ids.insert(id, message.number);
            }
        }
        self.write(&packet).await?;
        if qos == Qos::AtMostOnce {
            self.is_done(message.number);
        }
        Ok(())
    }

    /// Nothing more is done with a message; tells its topic if it was under way.
    fn is_done(&mut self, number: i64) -> Option<String> {
        let flight = self.flight.as_mut()?;
        flight.done.push(number);
        flight.under_way.remove(&number)
    }

    /// The broker has a message, or does not want it.
    pub(super) fn landed(&mut self, id: u16, code: u8) {
        let number = self.flight.as_mut().and_then(|flight| flight.ids.remove(&id));
        if let Some(topic) = number.and_then(|number| self.is_done(number))
            && code >= REFUSED
        {
            let why = format!("the broker does not take a message for `{topic}`");
            self.link.refused(reason::told(&why, code, None));
        }
    }

    /// Deletes what the broker has, at the end of a connection, and what it ends the connection for each time.
    pub(super) async fn put_down(&mut self) {
        let Some(flight) = &self.flight else {
            return;
        };
        let given_up = if self.is_cut {
            self.link.doubt().note(&flight.under_way)
        } else {
            None
        };
        if let Some(topic) = given_up.and_then(|number| self.is_done(number)) {
            self.link.refused(format!(
                "a message for `{topic}` was given up: the broker ends the connection each time that it comes"
            ));
        }
        let Some(Flight { done, .. }) = self.flight.take() else {
            return;
        };
        if done.is_empty() {
            return;
        }
        let Link { parts, broker, .. } = &*self.link;
        if let Err(error) = parts.repository.delete_messages(broker.id, &done).await {
            // They are sent again.
            tracing::debug!(%error, "messages that a broker has were not deleted");
        }
    }
}
