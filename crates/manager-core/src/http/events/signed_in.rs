//! `POST /api/v1/admin/apps/{app}/events`: an event of somebody whose session is good below `/api/v1/admin` alone.

use axum::{extract::State, response::IntoResponse};
use http::HeaderMap;

use super::{PublishedEvents, cloud_event::CloudEvent, depth, event_of, publish};
use crate::{
    Manager,
    http::{
        extract::{AppPath, JsonBody},
        problem::{Answer, problems},
        validate::Violations,
    },
};

problems!(PublishEventProblems: NotFound, TooManyRequests, LoopDetected);

/// Publish an event as somebody who is signed in
///
/// One event, as `/api/v1/apps/{app}/events` takes it in JSON. Clients publish there, with a token.
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/{app}/events",
    tag = "events",
    request_body = CloudEvent,
    responses((status = 202, description = "Published", body = PublishedEvents), PublishEventProblems),
)]
pub(crate) async fn publish_event(
    State(manager): State<Manager>,
    AppPath { app, .. }: AppPath,
    headers: HeaderMap,
    JsonBody(event): JsonBody<CloudEvent>,
) -> Answer<impl IntoResponse> {
    let depth = depth(&headers)?;
    let mut violations = Violations::default();
    let read = event.read(&mut violations);
    let read = violations.finish_with(read)?;
    let event = event_of(read, depth, manager.now());
    publish(&manager, app.id, vec![event], None).await
}
