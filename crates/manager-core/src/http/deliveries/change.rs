//! Ending deliveries, and giving them another chance.

use axum::{Json, extract::State};
use bytes::Bytes;
use picloud_shared::{
    app::App,
    audit::{DataChange, Target},
    events::{DeliveryFilter, DeliveryState, EVENT_DATA_BYTES_MAX, Origin, Topic},
    id::{DeliveryId, ScriptId},
    problem::Code,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{begin, change_of, record, shown::DeliveryBody, state};
use crate::{
    Manager,
    http::{
        access::Caller,
        events::{bytes_of, depth_of_event, refusal},
        extract::{AppPath, InPath, JsonBody, OptionalJsonBody},
        problem::{Answer, Refusal, not_found, problem, problems},
        validate::{Violations, present, some_id},
    },
};

/// Deliveries that one call gives another chance.
const REDRIVES_MAX: u32 = 10_000;

problems!(CancelDeliveryProblems: NotFound, Conflict);

/// Cancel a delivery
///
/// One that waits or runs. A run that is under way cannot write anything any more.
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/{app}/deliveries/{delivery}:cancel",
    tag = "events",
    responses((status = 200, description = "Cancelled", body = DeliveryBody), CancelDeliveryProblems),
)]
pub(crate) async fn cancel_delivery(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(delivery): InPath<DeliveryId>,
) -> Answer<Json<DeliveryBody>> {
    let before = manager.repository().find_delivery(app.id, delivery).await?;
    let before = before.ok_or_else(|| not_found("delivery"))?;
    let change = begin(&manager, &caller, app.id).await?;
    let cancelled = manager
        .repository()
        .cancel_delivery(app.id, delivery, change.at)
        .await?;
    let (after, is_done) = cancelled.ok_or_else(|| not_found("delivery"))?;
    if !is_done {
        return Err(ended(&format!("It is {} already.", after.state.as_str())));
    }
    manager.events().lose(delivery);
    // Another one of its key may run now, and the next one of its schedule.
    manager.events().wake();
    if let Origin::Schedule { id, .. } = after.origin {
        manager.events().run_ended(app.id, id);
    }
    let done = change_of(
        "cancel_delivery",
        delivery,
        state(&before.delivery),
        state(&after),
    );
    record(&manager, app.id, &done, &change).await?;
    Ok(Json(after.into()))
}

problems!(RedriveDeliveryProblems: NotFound, Conflict, TooManyRequests, LoopDetected);

/// How a delivery gets another chance.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedriveDelivery {
    /// Other data for its event, as JSON, or a text if that is what the event holds; that which it has if absent.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Value>, example = json!({ "order": 7 }))]
    data: Option<Value>,
}

/// Give a dead delivery another chance
///
/// It waits again as if it had just been accepted, with all its attempts. If a script asks for it, its event counts in the
/// chain that led to that, too.
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/{app}/deliveries/{delivery}:redrive",
    tag = "events",
    request_body = RedriveDelivery,
    responses((status = 200, description = "It waits again", body = DeliveryBody), RedriveDeliveryProblems),
)]
pub(crate) async fn redrive_delivery(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(delivery): InPath<DeliveryId>,
    OptionalJsonBody(body): OptionalJsonBody<RedriveDelivery>,
) -> Answer<Json<DeliveryBody>> {
    let before = manager.repository().find_delivery(app.id, delivery).await?;
    let before = before.ok_or_else(|| not_found("delivery"))?;
    let depth = depth_of_event(caller.depth())?;
    let data = body.data.map(|data| bytes_of(data, &before.event.content_type));
    let bytes = data.as_ref().map_or(0, Bytes::len);
    let mut violations = Violations::default();
    violations.require(
        bytes <= EVENT_DATA_BYTES_MAX,
        "data",
        format!("must have at most {EVENT_DATA_BYTES_MAX} bytes, not {bytes}"),
    );
    violations.finish()?;
    let change = begin(&manager, &caller, app.id).await?;
    let has_data = data.is_some();
    let redriven = manager
        .repository()
        .redrive_delivery(app.id, delivery, data, depth, change.at)
        .await
        .map_err(refusal)?;
    let (after, is_done) = redriven.ok_or_else(|| not_found("delivery"))?;
    if !is_done {
        return Err(ended(&format!("It is {}, not dead.", after.state.as_str())));
    }
    manager.events().wake();
    let mut new_state = state(&after);
    new_state["has_new_data"] = has_data.into();
    let done = change_of("redrive_delivery", delivery, state(&before.delivery), new_state);
    record(&manager, app.id, &done, &change).await?;
    Ok(Json(after.into()))
}

problems!(RedriveDeliveriesProblems: NotFound, LoopDetected);

/// Which dead deliveries; each field that is given must fit.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedriveDeliveries {
    /// To this script.
    #[serde(default, deserialize_with = "some_id")]
    script_id: Option<Uuid>,
    /// Of events on this topic.
    #[serde(default)]
    topic: Option<String>,
}

/// How many got another chance.
#[derive(Serialize, ToSchema)]
pub(crate) struct Redriven {
    redriven: u64,
}

/// Give dead deliveries another chance
///
/// All that fit, the oldest first: up to 10,000, and up to what the app may have waiting. Call it again for more.
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/{app}/deliveries:redrive",
    tag = "events",
    request_body = RedriveDeliveries,
    responses((status = 200, description = "They wait again", body = Redriven), RedriveDeliveriesProblems),
)]
pub(crate) async fn redrive_deliveries(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    OptionalJsonBody(body): OptionalJsonBody<RedriveDeliveries>,
) -> Answer<Json<Redriven>> {
    let filter = filter(body.script_id, body.topic.as_deref(), None)?;
    let depth = depth_of_event(caller.depth())?;
    let change = begin(&manager, &caller, app.id).await?;
    let redriven = manager
        .repository()
        .redrive_deliveries(app.id, &filter, REDRIVES_MAX, depth, change.at)
        .await?;
    manager.events().wake();
    let done = of_many("redrive_deliveries", &app, json!({ "redriven": redriven }));
    record(&manager, app.id, &done, &change).await?;
    Ok(Json(Redriven { redriven }))
}

problems!(PurgeDeliveriesProblems: NotFound);

/// Which deliveries that have ended; each field that is given must fit.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PurgeDeliveries {
    /// `dead`, `done` or `cancelled`; `dead` unless set.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    state: Option<DeliveryState>,
    /// To this script.
    #[serde(default, deserialize_with = "some_id")]
    script_id: Option<Uuid>,
    /// Of events on this topic.
    #[serde(default)]
    topic: Option<String>,
}

/// How many were deleted.
#[derive(Serialize, ToSchema)]
pub(crate) struct Purged {
    deleted: u64,
}

/// Delete deliveries
///
/// Those that have ended and fit.
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/{app}/deliveries:purge",
    tag = "events",
    request_body = PurgeDeliveries,
    responses((status = 200, description = "They are gone", body = Purged), PurgeDeliveriesProblems),
)]
pub(crate) async fn purge_deliveries(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    JsonBody(body): JsonBody<PurgeDeliveries>,
) -> Answer<Json<Purged>> {
    let wanted = body.state.unwrap_or(DeliveryState::Dead);
    let mut violations = Violations::default();
    violations.require(
        matches!(
            wanted,
            DeliveryState::Dead | DeliveryState::Done | DeliveryState::Cancelled
        ),
        "state",
        "must be dead, done or cancelled; cancel what has not ended",
    );
    violations.finish()?;
    let filter = filter(body.script_id, body.topic.as_deref(), Some(wanted))?;
    let change = begin(&manager, &caller, app.id).await?;
    let deleted = manager.repository().delete_deliveries(app.id, &filter).await?;
    let done = of_many(
        "purge_deliveries",
        &app,
        json!({ "deleted": deleted, "state": wanted }),
    );
    record(&manager, app.id, &done, &change).await?;
    Ok(Json(Purged { deleted }))
}

fn filter(script: Option<Uuid>, topic: Option<&str>, state: Option<DeliveryState>) -> Answer<DeliveryFilter> {
    let mut violations = Violations::default();
    let topic: Option<Topic> = violations.parse_some("topic", topic);
    violations.finish()?;
    Ok(DeliveryFilter {
        state,
        script: script.map(ScriptId),
        topic,
        origin: None,
    })
}

fn of_many(action: &'static str, app: &App, after: Value) -> DataChange {
    DataChange {
        action,
        target: Target {
            kind: "app".to_owned(),
            id: Some(app.id.to_string()),
            name: Some(app.slug.to_string()),
        },
        before: None,
        after: Some(after),
    }
}

/// It is not in the state for that.
fn ended(detail: &str) -> Refusal {
    problem(Code::Conflict, detail)
}
