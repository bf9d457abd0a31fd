//! Looking at deliveries.

use axum::{Json, extract::State};
use picloud_shared::{
    events::{DeliveryFilter, DeliveryState, OriginKind, Topic},
    id::{DeliveryId, ScriptId},
};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::shown::{DeliveryBody, DeliveryDetailBody};
use crate::{
    Manager,
    http::{
        extract::{AppPath, InPath, QueryParams},
        list::{List, page},
        problem::{Answer, not_found, problems},
        validate::{Violations, some_id},
    },
};

problems!(ListDeliveriesProblems: NotFound);

/// Which deliveries; each parameter that is given must fit.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListDeliveriesQuery {
    /// `waiting`, `running`, `done`, `dead` or `cancelled`.
    #[param(value_type = Option<String>)]
    state: Option<DeliveryState>,
    /// To this script.
    #[serde(default, deserialize_with = "some_id")]
    script: Option<Uuid>,
    /// Of events on this topic.
    topic: Option<String>,
    /// `invoke`, `subscription`, `schedule` or `destination`.
    #[param(value_type = Option<String>)]
    origin: Option<OriginKind>,
    /// Most items on a page.
    #[param(default = 50, minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List an app's deliveries
///
/// Newest first: events on their way to scripts, and for a day those that are done; those that are dead are kept for 14
/// days.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/deliveries",
    tag = "events",
    params(ListDeliveriesQuery),
    responses((status = 200, description = "A page of deliveries", body = List<DeliveryBody>), ListDeliveriesProblems),
)]
pub(crate) async fn list_deliveries(
    State(manager): State<Manager>,
    AppPath { app, .. }: AppPath,
    QueryParams(query): QueryParams<ListDeliveriesQuery>,
) -> Answer<Json<List<DeliveryBody>>> {
    let page = page(query.limit, query.cursor.as_deref())?;
    let mut violations = Violations::default();
    let topic: Option<Topic> = violations.parse_some("topic", query.topic.as_deref());
    violations.finish()?;
    let filter = DeliveryFilter {
        state: query.state,
        script: query.script.map(ScriptId),
        topic,
        origin: query.origin,
    };
    let deliveries = manager
        .repository()
        .list_deliveries(app.id, &filter, page)
        .await?;
    Ok(Json(List::of(deliveries, DeliveryBody::from)))
}

problems!(GetDeliveryProblems: NotFound);

/// Get a delivery
///
/// With its event, and for a request that nobody waits for, what its run answered.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/deliveries/{delivery}",
    tag = "events",
    responses((status = 200, description = "The delivery", body = DeliveryDetailBody), GetDeliveryProblems),
)]
pub(crate) async fn get_delivery(
    State(manager): State<Manager>,
    AppPath { app, .. }: AppPath,
    InPath(delivery): InPath<DeliveryId>,
) -> Answer<Json<DeliveryDetailBody>> {
    let found = manager.repository().find_delivery(app.id, delivery).await?;
    let found = found.ok_or_else(|| not_found("delivery"))?;
    Ok(Json(found.into()))
}
