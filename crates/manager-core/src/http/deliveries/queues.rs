//! How much waits.

use axum::{Json, extract::State};
use picloud_shared::{events::QueueDepth, time::Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Manager,
    http::{
        extract::AppPath,
        list::List,
        problem::{Answer, problems},
    },
};

/// What waits for one script on one topic.
#[derive(Serialize, ToSchema)]
#[schema(as = Queue)]
pub(crate) struct QueueBody {
    script_id: Uuid,
    /// Null for requests that nobody waits for, and schedules.
    #[schema(required)]
    topic: Option<String>,
    waiting: u64,
    running: u64,
    dead: u64,
    /// Bytes of the events of those that wait or run.
    bytes: u64,
    /// Since when the first of those that wait does; null if none does.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    oldest_accepted_at: Option<Timestamp>,
}

impl From<QueueDepth> for QueueBody {
    fn from(depth: QueueDepth) -> Self {
        Self {
            script_id: depth.script_id.0,
            topic: depth.topic.map(|topic| topic.as_str().to_owned()),
            waiting: depth.waiting,
            running: depth.running,
            dead: depth.dead,
            bytes: depth.bytes,
            oldest_accepted_at: depth.oldest_accepted_at,
        }
    }
}

problems!(ListQueuesProblems: NotFound);

/// Tell how much waits
///
/// By script and topic: those where something waits, runs or is dead.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/queues",
    tag = "events",
    responses((status = 200, description = "All of them", body = List<QueueBody>), ListQueuesProblems),
)]
pub(crate) async fn list_queues(
    State(manager): State<Manager>,
    AppPath { app, .. }: AppPath,
) -> Answer<Json<List<QueueBody>>> {
    let depths = manager.repository().queue_depths(app.id).await?;
    Ok(Json(List::whole(
        depths.into_iter().map(QueueBody::from).collect(),
    )))
}
