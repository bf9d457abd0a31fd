//! `POST /api/v1/apps/{app}/events`: events from outside, as `CloudEvents` 1.0 writes them.

mod cloud_event;
mod refusal;
pub(crate) mod signed_in;

use std::collections::BTreeMap;

use axum::{Json, extract::State, response::IntoResponse};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode, header};
use picloud_shared::{
    events::{
        DEPTH_MAX, EVENTS_PER_PUBLISH_MAX, IDEMPOTENCY_KEY_BYTES_MAX, IdempotencyKey, Lineage, NewEvent,
        Published,
    },
    id::{AppId, EventId, UserId},
    invocation::depth_in,
    problem::Code,
    time::Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use self::cloud_event::{CloudEvent, Read};
pub(crate) use self::{
    cloud_event::{ATTRIBUTE_BYTES_MAX, EXTENSIONS_MAX, bytes_of},
    refusal::refusal,
};
use super::{
    access::Caller,
    extract::{self, AppPath, TextBody},
    problem::{Answer, FieldError, Refusal, internal, invalid, problem, problems},
    validate::Violations,
};
use crate::Manager;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const STRUCTURED: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

problems!(PublishEventsProblems: NotFound, TooManyRequests, LoopDetected);

/// What was published.
#[derive(Serialize, ToSchema)]
pub(crate) struct PublishedEvents {
    /// The ids that they have here, in their order.
    ids: Vec<Uuid>,
}

/// Publish events
///
/// As `CloudEvents` 1.0: one in JSON (`application/cloudevents+json`), up to 100 in a batch
/// (`application/cloudevents-batch+json`), or one with its attributes in headers (`ce-id`, `ce-source`, `ce-type` …) and
/// its data in the body, of any other media type. The type of an event is its topic. `partitionkey` is its key, for
/// subscriptions that ask for order. Data has at most 262,144 bytes (256 KiB), and a request 4 MiB.
///
/// The answer comes when all of them are on disk; then each script that subscribes runs. With an `Idempotency-Key`, the
/// same person can send the same request again within 24 hours, and gets the ids of the first time. An event has an id of
/// its own here; that of its sender is kept as the attribute `originid`.
#[utoipa::path(
    post,
    path = "/api/v1/apps/{app}/events",
    tag = "events",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send the same request again."),
    ),
    request_body(content(
        (CloudEvent = "application/cloudevents+json"),
        (Vec<CloudEvent> = "application/cloudevents-batch+json"),
    )),
    responses((status = 202, description = "Published", body = PublishedEvents), PublishEventsProblems),
)]
pub(crate) async fn publish_events(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    headers: HeaderMap,
    TextBody(body): TextBody,
) -> Answer<impl IntoResponse> {
    let depth = depth(&headers)?;
    let now = manager.now();
    let idempotency = idempotency(&headers, &body, caller.user.id, now)?;
    let read = read(&headers, &body)?;
    let events = read.into_iter().map(|event| event_of(event, depth, now));
    let events: Vec<NewEvent> = events.collect();
    publish(&manager, app.id, events, idempotency).await
}

/// Publishes events, and tells their ids.
async fn publish(
    manager: &Manager,
    app: AppId,
    events: Vec<NewEvent>,
    idempotency: Option<IdempotencyKey>,
) -> Answer<(StatusCode, Json<PublishedEvents>)> {
    let table = manager.events().clone();
    // It runs to its end even if the client goes away, so that whoever runs events hears of it.
    let work = tokio::spawn(async move { table.publish(app, events, idempotency).await });
    let published = work.await.map_err(|_| internal())?.map_err(refusal)?;
    Ok((StatusCode::ACCEPTED, Json(PublishedEvents::from(published))))
}

impl From<Published> for PublishedEvents {
    fn from(published: Published) -> Self {
        Self {
            ids: published.events.into_iter().map(|event| event.event.0).collect(),
        }
    }
}

/// The events of a request, in whatever mode it has.
fn read(headers: &HeaderMap, body: &Bytes) -> Answer<Vec<Read>> {
    let content_type = text(headers, &header::CONTENT_TYPE).unwrap_or_default();
    let media_type = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let mut violations = Violations::default();
    let events = match media_type.as_str() {
        STRUCTURED => {
            let event: CloudEvent = extract::read(body)?;
            vec![event.read(&mut violations)]
        }
        BATCH => {
            let events: Vec<CloudEvent> = extract::read_any(body)?;
            violations.require(
                (1..=EVENTS_PER_PUBLISH_MAX).contains(&events.len()),
                "",
                format!(
                    "a batch has 1 to {EVENTS_PER_PUBLISH_MAX} events, not {}",
                    events.len()
                ),
            );
            let events = events.into_iter().enumerate();
            events
                .map(|(number, event)| violations.within(&format!("[{number}]"), |below| event.read(below)))
                .collect()
        }
        other if other.starts_with("application/cloudevents") => {
            return Err(problem(
                Code::UnsupportedMediaType,
                format!("Send events as {STRUCTURED} or {BATCH}, or with their attributes in headers."),
            ));
        }
        _ => vec![cloud_event::of_headers(
            headers,
            body,
            content_type,
            &mut violations,
        )],
    };
    violations.finish_with(events.into_iter().collect())
}

fn event_of(read: Read, depth: u8, now: Timestamp) -> NewEvent {
    let id = EventId::new(now);
    let mut extensions: BTreeMap<String, String> = read.extensions;
    extensions.insert("originid".to_owned(), read.id);
    NewEvent {
        id,
        topic: Some(read.topic),
        source: read.source,
        subject: read.subject,
        time: read.time.unwrap_or(now),
        extensions,
        content_type: read.content_type,
        data: read.data,
        key: read.key,
        request: None,
        due_at: None,
        lineage: Lineage {
            root: id.0,
            cause: None,
            depth,
        },
        deliveries: Vec::new(),
    }
}

/// How many runs led to this request, if a script has made it.
fn depth(headers: &HeaderMap) -> Answer<u8> {
    depth_of_event(u8::try_from(depth_in(headers)).unwrap_or(u8::MAX))
}

/// How many runs lead to an event that somebody asks for; none if that is so many that no other may follow.
pub(crate) fn depth_of_event(depth: u8) -> Answer<u8> {
    if depth < DEPTH_MAX {
        Ok(depth)
    } else {
        Err(looping())
    }
}

/// The chain of runs and events that leads to this is too long.
pub(crate) fn looping() -> Refusal {
    problem(
        Code::LoopDetected,
        format!("More than {DEPTH_MAX} runs and events led to this one, so it is taken for a loop."),
    )
}

/// The key with which somebody can send the same again. It is theirs alone.
fn idempotency(
    headers: &HeaderMap,
    body: &Bytes,
    person: UserId,
    now: Timestamp,
) -> Answer<Option<IdempotencyKey>> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let key = value.to_str().ok().map(str::trim);
    let key = key.filter(|key| (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len()));
    let key = key.ok_or_else(|| {
        invalid(&[FieldError {
            field: refusal::KEY_FIELD.to_owned(),
            message: format!("must have 1 to {IDEMPOTENCY_KEY_BYTES_MAX} plain characters"),
        }])
    })?;
    let attributes = cloud_event::attributes(headers);
    let mut parts: Vec<&[u8]> = vec![body];
    for (name, value) in &attributes {
        parts.extend([name.as_bytes(), value.as_bytes()]);
    }
    Ok(Some(IdempotencyKey::of_client(
        format!("events/{person}"),
        key.to_owned(),
        &parts,
        now,
    )))
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}
