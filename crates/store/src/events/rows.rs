//! What is written of events and deliveries, and what is read back.

use std::{borrow::Cow, collections::BTreeMap};

use bytes::Bytes;
use picloud_shared::{
    events::{
        DeadReason, Destination, Event, Lineage, NewDelivery, NewEvent, Origin, OriginKind, RetryPolicy,
        StoredRequest, Topic,
    },
    id::{EventId, ExecutionId, ScheduleId, SubscriptionId},
    repository::StoreError,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    convert::{from_json, number, parse, to_json, variant},
    value::without_nul,
};

/// An event that is about to be written, and its deliveries.
#[derive(Debug, Serialize)]
pub(crate) struct NewRow<'e> {
    pub(crate) source: Cow<'e, str>,
    pub(crate) subject: Option<Cow<'e, str>>,
    pub(crate) happened_at: i64,
    pub(crate) extensions: Option<String>,
    pub(crate) content_type: Cow<'e, str>,
    pub(crate) root_id: Uuid,
    pub(crate) cause_id: Option<Uuid>,
    pub(crate) depth: i64,
    pub(crate) request: Option<String>,
    #[serde(skip)]
    pub(crate) data: &'e [u8],
    pub(crate) deliveries: Vec<NewDeliveryRow<'e>>,
}

/// A delivery that is about to be written.
#[derive(Debug, Serialize)]
pub(crate) struct NewDeliveryRow<'e> {
    pub(crate) id: Uuid,
    pub(crate) event_id: Uuid,
    pub(crate) script_id: Uuid,
    pub(crate) topic: Option<&'e str>,
    pub(crate) event_key: Option<Cow<'e, str>>,
    /// Whether it has a place among those of its key.
    pub(crate) is_ordered: bool,
    pub(crate) origin: &'static str,
    pub(crate) origin_id: Option<Uuid>,
    pub(crate) terms: Option<String>,
    pub(crate) bytes: i64,
    pub(crate) due_at: i64,
}

/// What is kept of a delivery as JSON: only what is not as it mostly is.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Terms {
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) retry: RetryPolicy,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) on_success: Option<Destination>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) on_failure: Option<Destination>,
    /// In microseconds.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) scheduled_at: Option<i64>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) catch_up: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The rows of the events that somebody wants.
pub(crate) fn rows(events: &[NewEvent], now: Timestamp) -> Result<Vec<NewRow<'_>>, StoreError> {
    let wanted = events.iter().filter(|event| !event.deliveries.is_empty());
    wanted.map(|event| row(event, now)).collect()
}

fn row(event: &NewEvent, now: Timestamp) -> Result<NewRow<'_>, StoreError> {
    let extensions = (!event.extensions.is_empty()).then(|| to_json(&event.extensions));
    let request = event.request.as_ref().map(to_json);
    let deliveries = event
        .deliveries
        .iter()
        .map(|delivery| of_delivery(event, delivery, now));
    Ok(NewRow {
        source: text(&event.source),
        subject: event.subject.as_deref().map(text),
        happened_at: event.time.as_micros(),
        extensions: extensions.transpose()?,
        content_type: text(&event.content_type),
        root_id: event.lineage.root,
        cause_id: event.lineage.cause.map(|cause| cause.0),
        depth: event.lineage.depth.into(),
        request: request.transpose()?,
        data: &event.data,
        deliveries: deliveries.collect::<Result<_, _>>()?,
    })
}

fn of_delivery<'e>(
    event: &'e NewEvent,
    delivery: &'e NewDelivery,
    now: Timestamp,
) -> Result<NewDeliveryRow<'e>, StoreError> {
    let (origin_id, scheduled_at, catch_up) = match &delivery.origin {
        Origin::Invoke | Origin::Destination => (None, None, false),
        Origin::Subscription(id) => (Some(id.0), None, false),
        Origin::Schedule {
            id,
            scheduled_at,
            catch_up,
        } => (Some(id.0), Some(scheduled_at.as_micros()), *catch_up),
    };
    let terms = Terms {
        retry: delivery.retry,
        on_success: delivery.on_success.clone(),
        on_failure: delivery.on_failure.clone(),
        scheduled_at,
        catch_up,
    };
    let terms = (!is_default(&terms)).then(|| to_json(&terms)).transpose()?;
    Ok(NewDeliveryRow {
        id: delivery.id.0,
        event_id: event.id.0,
        script_id: delivery.script_id.0,
        topic: event.topic.as_ref().map(Topic::as_str),
        event_key: event.key.as_deref().map(text),
        is_ordered: delivery.ordered && origin_id.is_some() && event.key.is_some(),
        origin: delivery.origin.kind().as_str(),
        origin_id,
        terms,
        bytes: i64::try_from(event.bytes()).unwrap_or(i64::MAX),
        due_at: event.due_at.map_or(now, |due| due.max(now)).as_micros(),
    })
}

fn text(text: &str) -> Cow<'_, str> {
    without_nul(Cow::Borrowed(text))
}

/// How many deliveries are about to be written, and the bytes of their events.
pub(crate) fn sums(rows: &[NewRow<'_>]) -> (i64, i64) {
    let deliveries = || rows.iter().flat_map(|row| &row.deliveries);
    let count = i64::try_from(deliveries().count()).unwrap_or(i64::MAX);
    (count, deliveries().map(|delivery| delivery.bytes).sum())
}

/// What is read of an event.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct EventRow {
    pub(crate) event_id: Uuid,
    pub(crate) topic: Option<String>,
    pub(crate) event_key: Option<String>,
    pub(crate) source: String,
    pub(crate) subject: Option<String>,
    pub(crate) happened_at: i64,
    pub(crate) extensions: Option<String>,
    pub(crate) content_type: String,
    pub(crate) root_id: Uuid,
    pub(crate) cause_id: Option<Uuid>,
    pub(crate) depth: i64,
    pub(crate) request: Option<String>,
    pub(crate) data: Vec<u8>,
}

impl TryFrom<EventRow> for Event {
    type Error = StoreError;

    fn try_from(row: EventRow) -> Result<Self, StoreError> {
        let extensions = row.extensions.as_deref();
        let request = row.request.as_deref();
        Ok(Self {
            id: EventId(row.event_id),
            topic: topic(row.topic.as_deref())?,
            source: row.source,
            subject: row.subject,
            time: Timestamp::from_micros(row.happened_at),
            extensions: extensions.map_or(Ok(BTreeMap::new()), |json| from_json("extensions", json))?,
            content_type: row.content_type,
            data: Bytes::from(row.data),
            key: row.event_key,
            request: request
                .map(|json| from_json::<StoredRequest>("request", json))
                .transpose()?,
            lineage: Lineage {
                root: row.root_id,
                cause: row.cause_id.map(ExecutionId),
                depth: number("depth", row.depth)?,
            },
        })
    }
}

pub(crate) fn topic(text: Option<&str>) -> Result<Option<Topic>, StoreError> {
    text.map(|text| parse("topic", text)).transpose()
}

/// What is read of how a delivery came to be, and on what terms.
pub(crate) fn origin_and_terms(
    kind: &str,
    id: Option<Uuid>,
    terms: Option<&str>,
) -> Result<(Origin, Terms), StoreError> {
    let terms: Terms = terms.map_or(Ok(Terms::default()), |json| from_json("terms", json))?;
    let kind = variant("origin", &OriginKind::ALL, OriginKind::as_str, kind)?;
    let origin = match (kind, id, terms.scheduled_at) {
        (OriginKind::Invoke, ..) => Origin::Invoke,
        (OriginKind::Destination, ..) => Origin::Destination,
        (OriginKind::Subscription, Some(id), _) => Origin::Subscription(SubscriptionId(id)),
        (OriginKind::Schedule, Some(id), Some(scheduled_at)) => Origin::Schedule {
            id: ScheduleId(id),
            scheduled_at: Timestamp::from_micros(scheduled_at),
            catch_up: terms.catch_up,
        },
        _ => return Err(StoreError::Corrupt(format!("origin `{}`", kind.as_str()))),
    };
    Ok((origin, terms))
}

/// Why a delivery is dead.
pub(crate) fn reason(text: Option<&str>) -> Result<Option<DeadReason>, StoreError> {
    text.map(|text| variant("reason", &DeadReason::ALL, DeadReason::as_str, text))
        .transpose()
}
