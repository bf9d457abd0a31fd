//! `event::…` and `retry::…`
//!
//! What a run emits is part of its transaction: it is on its way when the run has ended well, and never otherwise.
//!
//! Reading order: `functions` (what scripts call), `options` (an event as a script describes it), `retry` (what a run
//! that fails wishes for its event).

mod functions;
mod options;
mod retry;

use std::{collections::BTreeMap, rc::Rc};

use bytes::Bytes;
use picloud_shared::{
    events::{DEPTH_MAX, EMITS_PER_COMMIT_MAX, EVENT_DATA_BYTES_MAX, InvalidTopic, Lineage, NewEvent, Topic},
    id::EventId,
    outcome::ScriptErrorKind,
    services::Service,
    time::Timestamp,
};
use rhai::Dynamic;

use self::options::Options;
pub(crate) use self::{functions::module, retry::module as retry_module};
use super::session::{Failed, Session};
use crate::{
    api::{Fallible, fail, new_v7, now_ms},
    coroutine::with_current,
    gate,
    json::{self, JsonError},
};

/// An event that is emitted when its transaction is committed.
#[derive(Clone, Debug)]
pub(super) struct PendingEvent {
    id: EventId,
    topic: Topic,
    source: String,
    lineage: Lineage,
    subject: Option<String>,
    key: Option<String>,
    emitted_at: Timestamp,
    due_at: Option<Timestamp>,
    data: Data,
}

#[derive(Clone, Debug)]
enum Data {
    Json(Rc<[u8]>),
    Bytes(Rc<[u8]>),
}

impl PendingEvent {
    /// How much of a transaction it takes.
    pub(super) fn bytes(&self) -> usize {
        let texts = [&self.subject, &self.key].into_iter().flatten().map(String::len);
        self.topic.as_str().len() + texts.sum::<usize>() + self.data.bytes().len()
    }

    /// The event, which has no deliveries yet: who subscribes is not known here.
    pub(super) fn to_event(&self) -> NewEvent {
        NewEvent {
            id: self.id,
            topic: Some(self.topic.clone()),
            source: self.source.clone(),
            subject: self.subject.clone(),
            time: self.emitted_at,
            extensions: BTreeMap::new(),
            content_type: self.data.content_type().to_owned(),
            data: Bytes::copy_from_slice(self.data.bytes()),
            key: self.key.clone(),
            request: None,
            due_at: self.due_at,
            lineage: self.lineage,
            deliveries: Vec::new(),
        }
    }
}

impl Data {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Json(bytes) | Self::Bytes(bytes) => bytes,
        }
    }

    fn content_type(&self) -> &'static str {
        match self {
            Self::Json(_) => "application/json",
            Self::Bytes(_) => "application/octet-stream",
        }
    }
}

/// Has an event emitted at the end; gives its id.
fn emit(session: &Session, topic: Topic, data: Data, options: Options) -> Fallible<String> {
    let (source, lineage) = emitter();
    if lineage.depth >= DEPTH_MAX {
        return Err(session.fail(Failed {
            kind: ScriptErrorKind::LoopDetected,
            message: format!(
                "event::emit: {DEPTH_MAX} events and calls led to this one, so it is taken for a loop"
            ),
            conflict_over: None,
        }));
    }
    let now = Timestamp::from_micros(now_ms().saturating_mul(1_000));
    let event = PendingEvent {
        id: EventId(new_v7()?),
        topic,
        source,
        lineage,
        subject: options.subject,
        key: options.key,
        emitted_at: now,
        due_at: options.due.map(|due| due.moment(now)),
        data,
    };
    let id = event.id.to_string();
    session.meter(Service::Event, |used| used.bytes_written += event.bytes() as u64);
    let events = session.state(|state| {
        state.transaction.emit(event);
        state.transaction.events()
    });
    if events > EMITS_PER_COMMIT_MAX {
        return Err(session.too_much(format!(
            "one transaction may emit {EMITS_PER_COMMIT_MAX} events; call transaction::commit() in between"
        )));
    }
    session.check_writes()?;
    Ok(id)
}

/// Where what the current run emits comes from, and from what it follows.
fn emitter() -> (String, Lineage) {
    with_current(|run| {
        let name = run.and_then(|run| run.live.get()).map(|live| live.name.as_str());
        let chain = run.map(|run| run.chain).unwrap_or_default();
        let lineage = Lineage {
            root: chain.root,
            cause: chain.run,
            depth: run.map_or(0, |run| run.depth),
        };
        (format!("/scripts/{}", name.unwrap_or_default()), lineage)
    })
}

/// A topic that a script may emit to.
fn topic(text: &str) -> Fallible<Topic> {
    const FUNCTION: &str = "event::emit";
    let topic: Topic = text
        .parse()
        .map_err(|error: InvalidTopic| fail(format!("{FUNCTION}: {error}")))?;
    if topic.is_reserved() {
        return Err(fail(format!(
            "{FUNCTION}: topics that begin with `picloud.` or `mqtt:` are PiCloud's own; choose another"
        )));
    }
    Ok(topic)
}

/// What an event carries: a blob as it is, all else as JSON.
fn data(value: &Dynamic) -> Fallible<Data> {
    const FUNCTION: &str = "event::emit";
    let too_large = || {
        fail(format!(
            "{FUNCTION}: the data is larger than {EVENT_DATA_BYTES_MAX} bytes; keep it with kv or docs, and emit its key"
        ))
    };
    if let Ok(blob) = value.as_blob_ref() {
        if blob.len() > EVENT_DATA_BYTES_MAX {
            return Err(too_large());
        }
        gate::reserve(blob.len())?;
        return Ok(Data::Bytes(Rc::from(blob.as_slice())));
    }
    let mut out = Vec::new();
    json::write(value, &mut out, EVENT_DATA_BYTES_MAX).map_err(|error| match error {
        JsonError::TooLarge { .. } => too_large(),
        other => other.into(),
    })?;
    gate::reserve(out.len())?;
    Ok(Data::Json(Rc::from(out)))
}
