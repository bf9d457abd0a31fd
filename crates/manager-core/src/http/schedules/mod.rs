//! `/api/v1/admin/apps/{app}/schedules`: which scripts run when. They are part of the app's releases.
//!
//! Here what is configured; then `run`, `ledger` and `preview`.

pub(crate) mod ledger;
pub(crate) mod preview;
pub(crate) mod run;

use axum::{Json, extract::State, response::IntoResponse};
use http::{StatusCode, header};
use picloud_shared::{
    bindings::{BindingSpec as _, ScheduleSpec, ScheduledScript},
    id::{ScheduleId, ScriptId},
    repository::{BindingRepository, BindingUpdate},
    schedule::{Schedule, Zone},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    access::Caller,
    bindings::{
        due::{DueBody, PolicyBody, SetDue, SetPolicy},
        name,
        parts::{DestinationBody, RetryBody, SetDestination, SetRetry, small},
        update::Update,
        write_refusal,
    },
    extract::{AppPath, InPath, JsonBody, QueryParams},
    list::{List, ListQuery},
    problem::{Answer, not_found, problems},
    validate::{Object, Violations, id, object, object_or_default, or_default, present, present_id},
};
use crate::Manager;

/// How many occurrences are told unless somebody says so.
const NEXT_DEFAULT: u32 = 10;
/// How many at most.
const NEXT_MAX: u32 = 100;

/// A script that runs when it is time.
#[derive(Serialize, ToSchema)]
#[schema(as = Schedule)]
pub(crate) struct ScheduleBody {
    id: Uuid,
    app_id: Uuid,
    #[schema(example = "nightly")]
    name: String,
    script_id: Uuid,
    schedule: DueBody,
    /// Any JSON: the data of each of its events.
    #[schema(required, value_type = Value)]
    arguments: Value,
    policy: PolicyBody,
    retry: RetryBody,
    /// Who is told of each run that is done; null for nobody.
    #[schema(required)]
    on_success: Option<DestinationBody>,
    /// Who is told of each occurrence that is dead; null for nobody.
    #[schema(required)]
    on_failure: Option<DestinationBody>,
    /// Whether it starts nothing at present.
    is_paused: bool,
    /// When it is due next; null if that is never, or it is paused.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    next_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl ScheduleBody {
    fn new(schedule: ScheduledScript, now: Timestamp) -> Self {
        let spec = schedule.spec;
        let next_at = spec.schedule.next_after(now);
        Self {
            id: schedule.id,
            app_id: schedule.app_id.0,
            name: schedule.name,
            script_id: schedule.script_id.0,
            schedule: DueBody::from(&spec.schedule),
            arguments: spec.arguments,
            policy: spec.policy.into(),
            retry: spec.retry.into(),
            on_success: spec.on_success.map(Into::into),
            on_failure: spec.on_failure.map(Into::into),
            is_paused: schedule.is_paused,
            next_at: next_at.filter(|_| !schedule.is_paused),
            created_at: schedule.created_at,
            updated_at: schedule.updated_at,
        }
    }
}

problems!(ListSchedulesProblems: NotFound);

/// List an app's schedules
///
/// Oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/schedules",
    tag = "events",
    params(ListQuery),
    responses((status = 200, description = "A page of schedules", body = List<ScheduleBody>), ListSchedulesProblems),
)]
pub(crate) async fn list_schedules(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
    QueryParams(query): QueryParams<ListQuery>,
) -> Answer<Json<List<ScheduleBody>>> {
    let schedules = stored(&manager).list_bindings(app.id, query.page()?).await?;
    let now = manager.now();
    Ok(Json(List::of(schedules, |schedule| {
        ScheduleBody::new(schedule, now)
    })))
}

problems!(CreateScheduleProblems: NotFound, NameTaken, LimitReached, LoopDetected);

/// A new schedule.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateSchedule {
    /// 1 to 64 letters, digits, `-`, `_` or `.`; unique among the schedules of the app.
    #[schema(example = "nightly")]
    name: String,
    /// Which script runs.
    #[serde(deserialize_with = "id")]
    script_id: Uuid,
    #[schema(value_type = SetDue)]
    schedule: Object<SetDue>,
    /// Any JSON of at most 32 KiB: the data of each of its events.
    #[serde(default)]
    #[schema(value_type = Option<Value>, example = json!({ "days": 30 }))]
    arguments: Value,
    #[serde(default, deserialize_with = "object_or_default")]
    #[schema(nullable)]
    policy: SetPolicy,
    #[serde(default, deserialize_with = "object_or_default")]
    #[schema(nullable)]
    retry: SetRetry,
    /// Who is told of each run that is done.
    #[serde(default, deserialize_with = "object")]
    on_success: Option<SetDestination>,
    /// Who is told of each occurrence that is dead.
    #[serde(default, deserialize_with = "object")]
    on_failure: Option<SetDestination>,
    /// Whether it starts nothing for now.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(nullable)]
    is_paused: bool,
}

/// Make a schedule
///
/// The script runs at each moment of it that is still to come. A release of the app, as is every change of it. An app has
/// at most 200 schedules with 256 KiB together.
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/{app}/schedules",
    tag = "events",
    request_body = CreateSchedule,
    responses((status = 201, description = "Made", body = ScheduleBody), CreateScheduleProblems),
)]
pub(crate) async fn create_schedule(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    JsonBody(body): JsonBody<CreateSchedule>,
) -> Answer<impl IntoResponse> {
    let change = caller.change(&manager, None);
    let mut violations = Violations::default();
    name(&mut violations, &body.name);
    let schedule = body.schedule.0.read_for(&mut violations, change.at);
    small(&mut violations, "arguments", &body.arguments);
    let policy = body.policy.read(&mut violations);
    let retry = body.retry.read(&mut violations);
    let on_success = body
        .on_success
        .and_then(|to| to.read("on_success", &mut violations));
    let on_failure = body
        .on_failure
        .and_then(|to| to.read("on_failure", &mut violations));
    let schedule = violations.finish_with(schedule)?;

    let schedule = ScheduledScript {
        id: ScheduleId::new(change.at).0,
        app_id: app.id,
        name: body.name,
        script_id: ScriptId(body.script_id),
        is_paused: body.is_paused,
        spec: ScheduleSpec {
            schedule,
            arguments: body.arguments,
            policy,
            retry,
            on_success,
            on_failure,
        },
        created_at: change.at,
        updated_at: change.at,
    };
    let created = stored(&manager).create_binding(schedule, &change).await;
    let created = created.map_err(|error| write_refusal(error, ScheduleSpec::KIND))?;
    manager.publish(app.id).await;
    let location = format!("/api/v1/admin/apps/{}/schedules/{}", app.id, created.id);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(ScheduleBody::new(created, change.at)),
    ))
}

problems!(GetScheduleProblems: NotFound);

/// Get a schedule
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/schedules/{schedule}",
    tag = "events",
    responses((status = 200, description = "The schedule", body = ScheduleBody), GetScheduleProblems),
)]
pub(crate) async fn get_schedule(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
    InPath(schedule): InPath<ScheduleId>,
) -> Answer<Json<ScheduleBody>> {
    let found = stored(&manager).find_binding(app.id, schedule.0).await?;
    let found = found.ok_or_else(|| not_found("schedule"))?;
    Ok(Json(ScheduleBody::new(found, manager.now())))
}

problems!(UpdateScheduleProblems: NotFound, NameTaken, LimitReached, LoopDetected);

/// What to change in a schedule; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateSchedule {
    #[serde(default)]
    name: Option<String>,
    /// Another script of the app.
    #[serde(default, deserialize_with = "present_id")]
    #[schema(value_type = Uuid)]
    script_id: Option<Uuid>,
    /// All of when it is due.
    #[serde(default, deserialize_with = "object")]
    schedule: Option<SetDue>,
    /// Any JSON of at most 32 KiB.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Value>)]
    arguments: Option<Value>,
    /// The whole policy.
    #[serde(default, deserialize_with = "object")]
    policy: Option<SetPolicy>,
    /// The whole policy.
    #[serde(default, deserialize_with = "object")]
    retry: Option<SetRetry>,
    /// Somebody else who is told of each run that is done; null for nobody.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<SetDestination>)]
    #[expect(clippy::option_option, reason = "absent and null mean different things")]
    on_success: Option<Option<Object<SetDestination>>>,
    /// Somebody else who is told of each occurrence that is dead; null for nobody.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<SetDestination>)]
    #[expect(clippy::option_option, reason = "absent and null mean different things")]
    on_failure: Option<Option<Object<SetDestination>>>,
    /// Whether it starts nothing. What was due meanwhile is not made up for.
    #[serde(default)]
    is_paused: Option<bool>,
}

/// Change a schedule
///
/// By the rules of a new one. Its occurrences are those that come after the change.
#[utoipa::path(
    patch,
    path = "/api/v1/admin/apps/{app}/schedules/{schedule}",
    tag = "events",
    request_body = UpdateSchedule,
    responses((status = 200, description = "Changed", body = ScheduleBody), UpdateScheduleProblems),
)]
pub(crate) async fn update_schedule(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(schedule): InPath<ScheduleId>,
    JsonBody(body): JsonBody<UpdateSchedule>,
) -> Answer<Json<ScheduleBody>> {
    let change = caller.change(&manager, None);
    let update = read_update(body, change.at)?;
    let updated = stored(&manager)
        .update_binding(app.id, schedule.0, update, &change)
        .await
        .map_err(|error| write_refusal(error, ScheduleSpec::KIND))?;
    let updated = updated.ok_or_else(|| not_found("schedule"))?;
    manager.publish(app.id).await;
    Ok(Json(ScheduleBody::new(updated, change.at)))
}

fn read_update(body: UpdateSchedule, now: Timestamp) -> Answer<BindingUpdate> {
    let mut update = Update::new(body.name);
    if let Some(due) = &body.schedule {
        let due = due.read_for(&mut update.violations, now);
        update.set("schedule", &due);
    }
    if let Some(arguments) = body.arguments {
        small(&mut update.violations, "arguments", &arguments);
        update.set("arguments", &arguments);
    }
    if let Some(policy) = &body.policy {
        let policy = policy.read(&mut update.violations);
        update.set("policy", &policy);
    }
    if let Some(retry) = &body.retry {
        update.set_retry(retry);
    }
    if let Some(destination) = body.on_success {
        update.set_destination("on_success", destination);
    }
    if let Some(destination) = body.on_failure {
        update.set_destination("on_failure", destination);
    }
    update.finish(body.script_id, body.is_paused)
}

problems!(DeleteScheduleProblems: NotFound, LoopDetected);

/// Delete a schedule
///
/// Its script stays, and what has begun goes on.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/apps/{app}/schedules/{schedule}",
    tag = "events",
    responses((status = 204, description = "Deleted"), DeleteScheduleProblems),
)]
pub(crate) async fn delete_schedule(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(schedule): InPath<ScheduleId>,
) -> Answer<StatusCode> {
    let change = caller.change(&manager, None);
    if !stored(&manager)
        .delete_binding(app.id, schedule.0, &change)
        .await?
    {
        return Err(not_found("schedule"));
    }
    manager.publish(app.id).await;
    Ok(StatusCode::NO_CONTENT)
}

problems!(NextOfScheduleProblems: NotFound);

/// How many moments.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NextQuery {
    /// Most moments.
    #[param(default = 10, minimum = 1, maximum = 100)]
    count: Option<u32>,
}

/// When a schedule is due.
#[derive(Serialize, ToSchema)]
pub(crate) struct NextOccurrences {
    /// From the next one on. Fewer than were asked for, if there are no more.
    items: Vec<OccurrenceBody>,
    /// Always null: there are no further pages.
    #[schema(required)]
    next_cursor: Option<String>,
}

impl NextOccurrences {
    fn of(schedule: &Schedule, now: Timestamp, count: u32) -> Self {
        let zone = match schedule {
            Schedule::Cron { zone, .. } => zone.clone(),
            Schedule::Every { .. } | Schedule::At { .. } => Zone::default(),
        };
        let moments = schedule.next_n(now, count as usize).into_iter();
        let items = moments.map(|at| OccurrenceBody {
            at,
            local: zone.local(at),
        });
        Self {
            items: items.collect(),
            next_cursor: None,
        }
    }
}

/// A moment at which a schedule is due.
#[derive(Serialize, ToSchema)]
#[schema(as = Occurrence)]
pub(crate) struct OccurrenceBody {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What the clock on the wall of its time zone shows then (RFC 3339, with the offset from UTC).
    #[schema(example = "2026-03-30T09:00:00+02:00")]
    local: String,
}

/// Tell when a schedule is due
///
/// Whether it is paused or not.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/schedules/{schedule}/next",
    tag = "events",
    params(NextQuery),
    responses((status = 200, description = "The next moments", body = NextOccurrences), NextOfScheduleProblems),
)]
pub(crate) async fn get_next_of_schedule(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
    InPath(schedule): InPath<ScheduleId>,
    QueryParams(query): QueryParams<NextQuery>,
) -> Answer<Json<NextOccurrences>> {
    let count = query.count.unwrap_or(NEXT_DEFAULT);
    let mut violations = Violations::default();
    violations.require(
        (1..=NEXT_MAX).contains(&count),
        "count",
        format!("must be 1 to {NEXT_MAX}"),
    );
    violations.finish()?;
    let found = stored(&manager).find_binding(app.id, schedule.0).await?;
    let schedule = found.ok_or_else(|| not_found("schedule"))?.spec.schedule;
    Ok(Json(NextOccurrences::of(&schedule, manager.now(), count)))
}

/// Where schedules are.
fn stored(manager: &Manager) -> &dyn BindingRepository<ScheduleSpec> {
    manager.repository()
}
