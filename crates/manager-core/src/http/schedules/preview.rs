//! `POST /api/v1/admin/apps/{app}/schedules:preview`.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{NEXT_DEFAULT, NextOccurrences};
use crate::{
    Manager,
    http::{
        bindings::due::SetDue,
        extract::{AppPath, JsonBody},
        problem::{Answer, problems},
        validate::{Object, Violations},
    },
};

problems!(PreviewScheduleProblems: NotFound);

/// A schedule that may be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreviewSchedule {
    #[schema(value_type = SetDue)]
    schedule: Object<SetDue>,
}

/// Tell when a schedule would be due
///
/// Its first ten moments from now on. Nothing is made.
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/{app}/schedules:preview",
    tag = "events",
    request_body = PreviewSchedule,
    responses((status = 200, description = "The next moments", body = NextOccurrences), PreviewScheduleProblems),
)]
pub(crate) async fn preview_schedule(
    State(manager): State<Manager>,
    _: AppPath,
    JsonBody(body): JsonBody<PreviewSchedule>,
) -> Answer<Json<NextOccurrences>> {
    let now = manager.now();
    let mut violations = Violations::default();
    let schedule = body.schedule.0.read_for(&mut violations, now);
    let schedule = violations.finish_with(schedule)?;
    Ok(Json(NextOccurrences::of(&schedule, now, NEXT_DEFAULT)))
}
