//! `mqtt::…`
//!
//! What a run publishes is part of its transaction, as what it emits is: it is on its way when the run has ended well, and
//! never otherwise.

mod functions;

use std::rc::Rc;

use bytes::Bytes;
use picloud_shared::{
    events::DEPTH_MAX,
    mqtt::{
        BrokerName, InvalidBrokerName, InvalidMqttTopic, MESSAGE_BYTES_MAX, MESSAGES_PER_COMMIT_MAX,
        MqttTopic, NewMessage, Qos,
    },
    outcome::ScriptErrorKind,
    services::Service,
};
use rhai::{Dynamic, Map};

pub(crate) use self::functions::module;
use super::session::{Failed, Session};
use crate::{
    api::{Fallible, fail, type_name},
    coroutine::with_current,
    gate,
    json::{self, JsonError},
};

const FUNCTION: &str = "mqtt::publish";

/// A message that is published when its transaction is committed.
#[derive(Clone, Debug)]
pub(super) struct PendingMessage {
    broker: BrokerName,
    topic: MqttTopic,
    payload: Rc<[u8]>,
    content_type: Option<&'static str>,
    options: Options,
    depth: u8,
}

/// How a message is published.
#[derive(Clone, Copy, Debug)]
struct Options {
    qos: Qos,
    retain: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            qos: Qos::AtLeastOnce,
            retain: false,
        }
    }
}

impl Options {
    fn read(map: &Map) -> Fallible<Self> {
        let mut options = Self::default();
        for (name, value) in map {
            match name.as_str() {
                _ if value.is_unit() => {}
                "qos" => {
                    let qos = value.as_int().ok().and_then(|qos| u64::try_from(qos).ok());
                    options.qos = qos
                        .and_then(Qos::of)
                        .ok_or_else(|| fail(format!("{FUNCTION}: qos is 0 or 1")))?;
                }
                "retain" => {
                    options.retain = value.as_bool().map_err(|_| {
                        fail(format!(
                            "{FUNCTION}: retain is true or false, not {}",
                            type_name(value)
                        ))
                    })?;
                }
                other => {
                    return Err(fail(format!(
                        "{FUNCTION}: there is no option `{other}`, only qos and retain"
                    )));
                }
            }
        }
        Ok(options)
    }
}

impl PendingMessage {
    /// How much of a transaction it takes.
    pub(super) fn bytes(&self) -> usize {
        self.topic.as_str().len() + self.payload.len()
    }

    /// The message.
    pub(super) fn to_message(&self) -> NewMessage {
        NewMessage {
            broker: self.broker.clone(),
            topic: self.topic.clone(),
            payload: Bytes::copy_from_slice(&self.payload),
            qos: self.options.qos,
            retain: self.options.retain,
            content_type: self.content_type.map(str::to_owned),
            depth: self.depth,
        }
    }
}

/// A message as a script describes it.
fn message(broker: &str, topic: &str, payload: &Dynamic, options: Options) -> Fallible<PendingMessage> {
    let broker = broker
        .parse()
        .map_err(|error: InvalidBrokerName| fail(format!("{FUNCTION}: {error}")))?;
    let topic = topic
        .parse()
        .map_err(|error: InvalidMqttTopic| fail(format!("{FUNCTION}: {error}")))?;
    let (payload, content_type) = bytes_of(payload)?;
    Ok(PendingMessage {
        broker,
        topic,
        payload,
        content_type,
        options,
        depth: with_current(|run| run.map_or(0, |run| run.depth)),
    })
}

/// What a message says, and what that is: texts and blobs as they are, all else as JSON.
fn bytes_of(value: &Dynamic) -> Fallible<(Rc<[u8]>, Option<&'static str>)> {
    let too_large = || {
        fail(format!(
            "{FUNCTION}: the payload is larger than {MESSAGE_BYTES_MAX} bytes"
        ))
    };
    let copy = |bytes: &[u8], content_type| {
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(too_large());
        }
        gate::reserve(bytes.len())?;
        Ok((Rc::from(bytes), content_type))
    };
    if let Ok(blob) = value.as_blob_ref() {
        return copy(&blob, None);
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return copy(text.as_bytes(), Some("text/plain"));
    }
    let mut out = Vec::new();
    json::write(value, &mut out, MESSAGE_BYTES_MAX).map_err(|error| match error {
        JsonError::TooLarge { .. } => too_large(),
        other => other.into(),
    })?;
    gate::reserve(out.len())?;
    Ok((Rc::from(out), Some("application/json")))
}

/// Has a message published at the end.
fn publish(session: &Session, message: PendingMessage) -> Fallible<()> {
    if message.depth >= DEPTH_MAX {
        return Err(session.fail(Failed {
            kind: ScriptErrorKind::LoopDetected,
            message: format!(
                "{FUNCTION}: {DEPTH_MAX} events and calls led to this one, so it is taken for a loop"
            ),
            conflict_over: None,
        }));
    }
    session.meter(Service::Mqtt, |used| {
        used.bytes_written += message.bytes() as u64;
    });
    let messages = session.state(|state| {
        state.transaction.publish(message);
        state.transaction.messages()
    });
    if messages > MESSAGES_PER_COMMIT_MAX {
        return Err(session.too_much(format!(
            "one transaction may publish {MESSAGES_PER_COMMIT_MAX} messages; call transaction::commit() in between"
        )));
    }
    session.check_writes()
}
