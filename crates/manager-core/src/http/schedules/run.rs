//! `POST /api/v1/admin/apps/{app}/schedules/{schedule}:run`.

use axum::{Json, extract::State, response::IntoResponse};
use http::{StatusCode, header};
use picloud_shared::id::ScheduleId;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::stored;
use crate::{
    Manager,
    http::{
        access::Caller,
        events::{depth_of_event, refusal},
        extract::{AppPath, InPath},
        problem::{Answer, internal, not_found, problems},
    },
};

problems!(RunScheduleProblems: NotFound, TooManyRequests, LoopDetected);

/// A run that was begun.
#[derive(Serialize, ToSchema)]
pub(crate) struct StartedRun {
    /// Its delivery, which tells what becomes of it.
    delivery_id: Uuid,
}

/// Run a schedule now
///
/// Whether it is paused or not, and whatever is going. It is a run of the schedule like any other, with the same
/// arguments, but no occurrence: the ledger says nothing of it. If a script asks for it, it counts in the chain that led to
/// that.
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/{app}/schedules/{schedule}:run",
    tag = "events",
    responses((status = 202, description = "On its way", body = StartedRun), RunScheduleProblems),
)]
pub(crate) async fn run_schedule(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(schedule): InPath<ScheduleId>,
) -> Answer<impl IntoResponse> {
    let found = stored(&manager).find_binding(app.id, schedule.0).await?;
    let schedule = found.ok_or_else(|| not_found("schedule"))?;
    let now = manager.now();
    let mut event = schedule.event(now, false, now);
    event.lineage.depth = depth_of_event(caller.depth())?;
    let table = manager.events().clone();
    // It runs to its end even if the client goes away, so that whoever runs events hears of it.
    let work = tokio::spawn(async move { table.publish(app.id, vec![event], None).await });
    let published = work.await.map_err(|_| internal())?.map_err(refusal)?;
    let delivery = published
        .events
        .first()
        .and_then(|event| event.deliveries.first());
    let delivery = delivery.copied().ok_or_else(internal)?;
    let location = format!("/api/v1/admin/apps/{}/deliveries/{delivery}", app.id);
    Ok((
        StatusCode::ACCEPTED,
        [(header::LOCATION, location)],
        Json(StartedRun {
            delivery_id: delivery.0,
        }),
    ))
}
