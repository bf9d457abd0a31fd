//! What has happened, and who is to be told.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{RetryPolicy, StoredRequest, Topic};
use crate::{
    id::{DeliveryId, EventId, ExecutionId, ScheduleId, ScriptId, SubscriptionId},
    time::Timestamp,
};

/// Something that happened in an app. It never changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Names it.
    pub id: EventId,
    /// What it is about; none for an asynchronous request to a script.
    pub topic: Option<Topic>,
    /// Where it comes from (the attribute `source` of `CloudEvents`).
    pub source: String,
    /// What in its source it is about (`subject`).
    pub subject: Option<String>,
    /// When it happened (`time`).
    pub time: Timestamp,
    /// Further attributes.
    pub extensions: BTreeMap<String, String>,
    /// The media type of its data.
    pub content_type: String,
    /// Its data; the body of an asynchronous request.
    pub data: Bytes,
    /// Events with the same key are in an order.
    pub key: Option<String>,
    /// The request, if it is an asynchronous one.
    pub request: Option<StoredRequest>,
    /// From what it follows.
    pub lineage: Lineage,
}

/// An event that is to be published: by a script's commit, the API, a schedule, or as an asynchronous request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewEvent {
    /// Names it.
    pub id: EventId,
    /// See [`Event::topic`].
    pub topic: Option<Topic>,
    /// See [`Event::source`].
    pub source: String,
    /// See [`Event::subject`].
    pub subject: Option<String>,
    /// See [`Event::time`].
    pub time: Timestamp,
    /// See [`Event::extensions`].
    pub extensions: BTreeMap<String, String>,
    /// See [`Event::content_type`].
    pub content_type: String,
    /// At most [`EVENT_DATA_BYTES_MAX`](super::EVENT_DATA_BYTES_MAX), unless it is the body of a request.
    pub data: Bytes,
    /// At most [`EVENT_KEY_BYTES_MAX`](super::EVENT_KEY_BYTES_MAX), but for changes of keys that are longer themselves.
    pub key: Option<String>,
    /// See [`Event::request`].
    pub request: Option<StoredRequest>,
    /// When it is delivered; at once if none.
    pub due_at: Option<Timestamp>,
    /// See [`Event::lineage`].
    pub lineage: Lineage,
    /// To whom: whoever publishes finds that out. An event that nobody wants is accepted, and nothing is kept of it.
    pub deliveries: Vec<NewDelivery>,
}

impl NewEvent {
    /// Whether it tells a script of the end of a delivery that names this script: of these there are no more than
    /// deliveries that end.
    pub fn is_for_a_destination(&self) -> bool {
        let mut deliveries = self.deliveries.iter();
        deliveries.any(|delivery| delivery.origin == Origin::Destination)
    }

    /// The event as filters see it. Data that is not JSON is null.
    pub fn as_filtered(&self) -> Value {
        let data = serde_json::from_slice(&self.data).unwrap_or(Value::Null);
        json!({
            "topic": self.topic.as_ref().map(Topic::as_str),
            "subject": self.subject,
            "source": self.source,
            "key": self.key,
            "data": data,
        })
    }

    /// How much of the app's bound on waiting bytes each of its deliveries takes.
    pub fn bytes(&self) -> usize {
        let extensions = self.extensions.iter();
        let extensions: usize = extensions.map(|(name, value)| name.len() + value.len()).sum();
        let request = self.request.as_ref().map_or(0, StoredRequest::bytes);
        self.data.len() + self.key.as_ref().map_or(0, String::len) + extensions + request
    }
}

/// From what an event follows: a chain of runs and events, whose first cause is `root`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// The id of what began the chain: a run, or an event that was published from outside.
    pub root: Uuid,
    /// The run that published it, if one did.
    pub cause: Option<ExecutionId>,
    /// How many events stand before it in the chain; at most [`DEPTH_MAX`](super::DEPTH_MAX) - 1.
    pub depth: u8,
}

/// An event on its way to one script, as it begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewDelivery {
    /// Names it; the id of an asynchronous run.
    pub id: DeliveryId,
    /// Which script is to run.
    pub script_id: ScriptId,
    /// Why.
    pub origin: Origin,
    /// Whether it waits for all earlier ones of the same subscription and the same key. Without a key it does not.
    pub ordered: bool,
    /// What becomes of it when its runs fail.
    pub retry: RetryPolicy,
    /// Who is told when it is done.
    pub on_success: Option<Destination>,
    /// Who is told when it is dead.
    pub on_failure: Option<Destination>,
}

/// Why an event goes to a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Somebody asked for a run of this script and does not wait for it.
    Invoke,
    /// The script subscribes to the topic.
    Subscription(SubscriptionId),
    /// It was time.
    Schedule {
        /// Which schedule.
        id: ScheduleId,
        /// For which moment.
        scheduled_at: Timestamp,
        /// Whether that moment was missed, and is made up for.
        catch_up: bool,
    },
    /// It is told of the end of another delivery.
    Destination,
}

/// Who is told of the end of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// A script of the same app.
    Script(ScriptId),
    /// Whoever subscribes to this topic.
    Topic(Topic),
}
