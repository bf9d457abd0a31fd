//! Messages of a broker, which become events.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use picloud_shared::{
    events::{
        DEPTH_MAX, EVENT_DATA_BYTES_MAX, EVENT_KEY_BYTES_MAX, EVENTS_PER_PUBLISH_MAX, Lineage, NewEvent,
    },
    id::EventId,
    mqtt::{BrokerStatus, InvalidMqttTopic, MqttTopic, event_topic},
    repository::{PublishError, StoreError},
};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{
    connection::{Link, Lost},
    encode,
    packet::Message,
    talk::Talk,
    wish::unwished,
};

/// Bytes of messages that are kept at one time: with all subscribers that an app may have, that is less than what an app
/// may have waiting.
const BATCH_BYTES_MAX: usize = 1_024 * 1_024;
/// Portions of messages that wait while the app's queue of events is full: with them, [`encode::IN_FLIGHT_MAX`] of the largest
/// have a place, and what the broker says after them is read.
pub(super) const LATER_MAX: usize = 5;
/// The first pause after the database did not take messages; each further one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(200);
/// The longest.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Longest media type that a broker may tell.
const CONTENT_TYPE_BYTES_MAX: usize = 200;

/// Messages that are kept and acknowledged at one time.
#[derive(Default)]
pub(super) struct Batch {
    events: Vec<NewEvent>,
    bytes: usize,
    /// What is acknowledged when they are kept.
    ids: Vec<u16>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.ids.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.events.len() >= EVENTS_PER_PUBLISH_MAX || self.bytes >= BATCH_BYTES_MAX
    }

    /// Adds a message. One that cannot become an event is acknowledged all the same: it would come for ever.
    pub(super) fn add(&mut self, link: &Link, message: Message) {
        self.ids.extend(message.id);
        match event_of(link, message) {
            Ok(event) => {
                self.bytes += event.data.len();
                self.events.push(event);
            }
            Err(why) => link.refused(why),
        }
    }

    /// Adds one that was too large to be read.
    pub(super) fn refuse_large(&mut self, link: &Link, topic: &str, id: Option<u16>, bytes: usize) {
        self.ids.extend(id);
        link.refused(format!(
            "a message on `{}` has {bytes} bytes; {EVENT_DATA_BYTES_MAX} are the most",
            shown(topic)
        ));
    }
}

impl Talk {
    /// Keeps what has come, then acknowledges it. As long as it cannot be kept, no more is read than there is a place for.
    /// `false` if the connection is to end before that: then the broker sends it again.
    pub(super) async fn keep(&mut self, batch: Batch) -> Result<bool, Lost> {
        let Batch { mut events, ids, .. } = batch;
        self.link
            .parts
            .events
            .address(self.link.broker.app_id, &mut events);
        // Nothing is kept of what nobody wants.
        events.retain(|event| !event.deliveries.is_empty());
        if !events.is_empty() && !self.publish(&events).await? {
            return Ok(false);
        }
        let acknowledgements: Vec<u8> = ids.into_iter().flat_map(encode::acknowledge).collect();
        if !acknowledgements.is_empty() {
            self.write(&acknowledgements).await?;
        }
        Ok(true)
    }

    /// Publishes events; waits for as long as that takes. `false` if the connection is to end before that.
    async fn publish(&mut self, events: &[NewEvent]) -> Result<bool, Lost> {
        let mut pause = PAUSE_MIN;
        loop {
            let link = self.link.clone();
            let app = link.broker.app_id;
            let published = link.parts.events.publish(app, events.to_vec(), None).await;
            let (pause_now, goes_on) = match published {
                Ok(_) => {
                    link.is(BrokerStatus::Connected);
                    return Ok(true);
                }
                Err(PublishError::NoApp) => return Err(Lost("the app is gone".to_owned())),
                Err(PublishError::QueueFull { retry_after }) => {
                    self.hold(
                        "as many events of the app wait as may; no message is taken from the broker until fewer do",
                    );
                    (retry_after, true)
                }
                Err(PublishError::Store(StoreError::Full(_))) => {
                    self.hold(
                        "the server's disk is full; nothing is read from the broker until it has space",
                    );
                    (PAUSE_MAX, false)
                }
                Err(error @ (PublishError::Store(_) | PublishError::KeyReused)) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "messages of a broker were not kept"
                    );
                    self.hold(
                        "the database does not take messages; nothing is read from the broker until it does",
                    );
                    (pause, false)
                }
            };
            pause = (pause * 2).min(PAUSE_MAX);
            let mut waited = std::pin::pin!(sleep(pause_now));
            let mut wished = self.wished();
            loop {
                // What scripts publish does not wait for those who have too much to do.
                if goes_on {
                    self.take_all_that_was_read().await?;
                    self.send().await?;
                }
                tokio::select! {
                    () = &mut waited => break,
                    () = unwished(&mut wished) => return Ok(false),
                    happened = self.something_else(goes_on) => happened?,
                }
                if self.next_ping <= Instant::now() {
                    self.ping_unanswered().await?;
                }
            }
        }
    }

    fn hold(&self, why: &str) {
        if self.link.state().status != BrokerStatus::Held {
            self.link.went_wrong(why.to_owned());
        }
        self.link.is(BrokerStatus::Held);
    }
}

/// The event that a message becomes, or why it becomes none.
fn event_of(link: &Link, message: Message) -> Result<NewEvent, String> {
    let topic: MqttTopic = message.topic.parse().map_err(|error: InvalidMqttTopic| {
        format!("a message on `{}` was dropped: {error}", shown(&message.topic))
    })?;
    let dropped = |why: String| format!("a message on `{topic}` was dropped: {why}");
    if message.payload.len() > EVENT_DATA_BYTES_MAX {
        let bytes = message.payload.len();
        return Err(dropped(format!(
            "it has {bytes} bytes; {EVENT_DATA_BYTES_MAX} are the most"
        )));
    }
    let depth = message.properties.depth.unwrap_or(0);
    if depth >= DEPTH_MAX {
        return Err(dropped(format!(
            "{DEPTH_MAX} runs and events led to it, so it is taken for a loop"
        )));
    }
    let name = &link.broker.name;
    let event_topic =
        event_topic(name, topic.as_str()).ok_or_else(|| dropped("no event can be about it".to_owned()))?;
    let now = link.parts.clock.now();
    let id = EventId::new(now);
    let extensions = [
        ("qos", message.qos.number().to_string()),
        ("retain", message.retain.to_string()),
    ];
    Ok(NewEvent {
        id,
        topic: Some(event_topic),
        source: format!("/brokers/{name}"),
        subject: Some(topic.as_str().to_owned()),
        time: now,
        extensions: extensions
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<BTreeMap<_, _>>(),
        content_type: content_type(message.properties.content_type, &message.payload),
        data: message.payload,
        key: (topic.as_str().len() <= EVENT_KEY_BYTES_MAX).then(|| topic.as_str().to_owned()),
        request: None,
        due_at: None,
        lineage: Lineage {
            root: id.0,
            cause: None,
            depth,
        },
        deliveries: Vec::new(),
    })
}

/// What a payload is: what the broker says, unless that cannot be, and otherwise what it looks like.
fn content_type(told: Option<String>, payload: &Bytes) -> String {
    // Whoever reads it must be able to: what is merely skipped may have numbers and texts that cannot be.
    let is_json = || serde_json::from_slice::<Value>(payload).is_ok();
    let is_text = || std::str::from_utf8(payload).is_ok();
    let can_be = |told: &String| {
        let told = told.to_ascii_lowercase();
        (1..=CONTENT_TYPE_BYTES_MAX).contains(&told.len())
            && told.bytes().all(|byte| (b' '..=b'~').contains(&byte))
            && (!told.contains("json") || is_json())
            && (!told.starts_with("text/") || is_text())
    };
    if let Some(told) = told.filter(can_be) {
        return told;
    }
    let seen = if is_json() {
        "application/json"
    } else if is_text() {
        "text/plain"
    } else {
        "application/octet-stream"
    };
    seen.to_owned()
}

/// A topic that may be anything, for people.
fn shown(topic: &str) -> String {
    const CHARACTERS_MAX: usize = 100;
    topic.escape_debug().take(CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_what_the_broker_says_or_what_it_looks_like() {
        for (told, payload, expected) in [
            (None, &b"21.5"[..], "application/json"),
            (None, b"{\"on\":true}", "application/json"),
            (None, b"1e999", "text/plain"),
            (None, b"\"\\ud800\"", "text/plain"),
            (None, b"\"\xFF\"", "application/octet-stream"),
            (None, b"ON", "text/plain"),
            (None, b"", "text/plain"),
            (None, b"\xFF", "application/octet-stream"),
            (Some("text/csv"), b"1,2", "text/csv"),
            (Some("application/json"), b"ON", "text/plain"),
            (Some("application/json"), b"[1e999]", "text/plain"),
            (Some("text/plain"), b"\xFF", "application/octet-stream"),
            (Some("a\nb"), b"ON", "text/plain"),
            (Some(""), b"1", "application/json"),
        ] {
            let found = content_type(told.map(str::to_owned), &Bytes::from_static(payload));
            assert_eq!(found, expected, "{told:?} {payload:?}");
        }
    }
}
