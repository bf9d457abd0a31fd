//! Deliveries as people see them.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use picloud_shared::{
    events::{
        DeadReason, Delivery, DeliveryDetail, DeliveryResult, DeliveryState, Event, Origin, OriginKind,
        StoredRequest, Topic,
    },
    time::Timestamp,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::bindings::parts::{DestinationBody, RetryBody};

/// An event on its way to one script.
#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(crate) struct DeliveryBody {
    /// Names it; also an asynchronous run.
    id: Uuid,
    app_id: Uuid,
    script_id: Uuid,
    event_id: Uuid,
    /// The topic of its event; null for a request that nobody waits for.
    #[schema(required, example = "orders.placed")]
    topic: Option<String>,
    #[schema(required)]
    key: Option<String>,
    /// Why the event goes to this script: `invoke`, `subscription`, `schedule` or `destination`.
    #[schema(value_type = String, example = "subscription")]
    origin: OriginKind,
    /// The subscription or the schedule; null for others.
    #[schema(required)]
    origin_id: Option<Uuid>,
    /// `waiting`, `running`, `done`, `dead` or `cancelled`.
    #[schema(value_type = String, example = "dead")]
    state: DeliveryState,
    /// How often its script failed: 0 for what was done at once. What is told of its end counts runs.
    attempts: u32,
    /// How often PiCloud could not run it, or not to its end.
    faults: u32,
    /// How often the server ended while it ran.
    aborts: u32,
    /// How often it was given another chance.
    redrives: u32,
    #[schema(value_type = String, format = DateTime)]
    accepted_at: Timestamp,
    /// When it may run, while it waits.
    #[schema(value_type = String, format = DateTime)]
    due_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    ended_at: Option<Timestamp>,
    /// Why it is dead: `exhausted`, `never`, `expired`, `poison`, `script_gone` or `unreadable`; null if it is not.
    #[schema(value_type = Option<String>, required, example = "exhausted")]
    reason: Option<DeadReason>,
    /// What went wrong last.
    #[schema(required)]
    error: Option<String>,
    /// Its last run. All of them are at `executions?delivery=`.
    #[schema(required)]
    execution_id: Option<Uuid>,
    /// What its run answered.
    #[schema(required)]
    response_status: Option<u16>,
    /// Bytes of its event.
    bytes: u64,
}

/// A delivery with all that is known of it.
#[derive(Serialize, ToSchema)]
#[schema(as = DeliveryDetail)]
pub(crate) struct DeliveryDetailBody {
    #[serde(flatten)]
    delivery: DeliveryBody,
    event: EventBody,
    retry: RetryBody,
    /// Who is told when it is done; null for nobody.
    #[schema(required)]
    on_success: Option<DestinationBody>,
    /// Who is told when it is dead; null for nobody.
    #[schema(required)]
    on_failure: Option<DestinationBody>,
    /// What the run of a request that nobody waits for answered; kept for a day.
    #[schema(required)]
    result: Option<ResultBody>,
}

/// What has happened.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventBody {
    id: Uuid,
    #[schema(required, example = "orders.placed")]
    topic: Option<String>,
    #[schema(example = "/shop")]
    source: String,
    #[schema(required)]
    subject: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    time: Timestamp,
    #[schema(required)]
    key: Option<String>,
    content_type: String,
    /// Further attributes.
    extensions: BTreeMap<String, String>,
    /// The data, if it is JSON, or a text; else null.
    #[schema(required, value_type = Value, example = json!({ "order": 7 }))]
    data: Option<Value>,
    /// The data in Base64, if it is neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    data_base64: Option<String>,
    /// The request, if it is one that nobody waits for; without its headers and its query.
    #[schema(required)]
    request: Option<AsyncRequestBody>,
    /// What began the chain that led to it: the id of a run, or of an event from outside.
    root_id: Uuid,
    /// The run that published it; null if none did.
    #[schema(required)]
    cause_id: Option<Uuid>,
    /// How many events led to it.
    depth: u8,
}

/// A request that nobody waits for.
#[derive(Serialize, ToSchema)]
#[schema(as = AsyncRequest)]
pub(crate) struct AsyncRequestBody {
    method: String,
    /// Without its query, which may hold what nobody else should read.
    path: String,
    host: String,
    remote_addr: String,
}

/// What a run answered.
#[derive(Serialize, ToSchema)]
#[schema(as = DeliveryResult)]
pub(crate) struct ResultBody {
    status: u16,
    #[schema(required)]
    content_type: Option<String>,
    /// The body, if it is a text.
    #[schema(required)]
    body: Option<String>,
    /// The body in Base64, if it is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    /// Whether more than 65,536 bytes (64 KiB) were cut off.
    is_cut: bool,
}

impl From<Delivery> for DeliveryBody {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id.0,
            app_id: delivery.app_id.0,
            script_id: delivery.script_id.0,
            event_id: delivery.event_id.0,
            topic: text(delivery.topic.as_ref()),
            key: delivery.key,
            origin: delivery.origin.kind(),
            origin_id: match delivery.origin {
                Origin::Subscription(id) => Some(id.0),
                Origin::Schedule { id, .. } => Some(id.0),
                Origin::Invoke | Origin::Destination => None,
            },
            state: delivery.state,
            attempts: delivery.counts.attempts,
            faults: delivery.counts.faults,
            aborts: delivery.counts.aborts,
            redrives: delivery.redrives,
            accepted_at: delivery.accepted_at,
            due_at: delivery.due_at,
            ended_at: delivery.ended_at,
            reason: delivery.reason,
            error: delivery.error,
            execution_id: delivery.execution.map(|execution| execution.0),
            response_status: delivery.response_status,
            bytes: delivery.bytes,
        }
    }
}

impl From<DeliveryDetail> for DeliveryDetailBody {
    fn from(detail: DeliveryDetail) -> Self {
        Self {
            delivery: detail.delivery.into(),
            event: detail.event.into(),
            retry: detail.retry.into(),
            on_success: detail.on_success.map(Into::into),
            on_failure: detail.on_failure.map(Into::into),
            result: detail.result.map(ResultBody::from),
        }
    }
}

impl From<Event> for EventBody {
    fn from(event: Event) -> Self {
        let (data, data_base64) = value(&event.content_type, &event.data);
        Self {
            id: event.id.0,
            topic: text(event.topic.as_ref()),
            source: event.source,
            subject: event.subject,
            time: event.time,
            key: event.key,
            content_type: event.content_type,
            extensions: event.extensions,
            data,
            data_base64,
            request: event.request.map(AsyncRequestBody::from),
            root_id: event.lineage.root,
            cause_id: event.lineage.cause.map(|cause| cause.0),
            depth: event.lineage.depth,
        }
    }
}

impl From<StoredRequest> for AsyncRequestBody {
    fn from(request: StoredRequest) -> Self {
        Self {
            method: request.method,
            path: request.uri.split('?').next().unwrap_or_default().to_owned(),
            host: request.host,
            remote_addr: request.remote_addr.to_string(),
        }
    }
}

impl From<DeliveryResult> for ResultBody {
    fn from(result: DeliveryResult) -> Self {
        let body = String::from_utf8(result.body.to_vec());
        Self {
            status: result.status,
            content_type: result.content_type,
            body_base64: body.is_err().then(|| STANDARD.encode(&result.body)),
            body: body.ok(),
            is_cut: result.is_cut,
        }
    }
}

fn text(topic: Option<&Topic>) -> Option<String> {
    topic.map(|topic| topic.as_str().to_owned())
}

/// Data as JSON or text, or in Base64.
fn value(content_type: &str, data: &Bytes) -> (Option<Value>, Option<String>) {
    if data.is_empty() {
        return (None, None);
    }
    if content_type.contains("json")
        && let Ok(value) = serde_json::from_slice(data)
    {
        return (Some(value), None);
    }
    match std::str::from_utf8(data) {
        Ok(text) => (Some(text.into()), None),
        Err(_) => (None, Some(STANDARD.encode(data))),
    }
}
