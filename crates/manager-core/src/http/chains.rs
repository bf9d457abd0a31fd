//! `GET /api/v1/admin/apps/{app}/chains/{root}`.

use std::{collections::HashSet, str::FromStr};

use axum::{Json, extract::State};
use picloud_shared::{
    events::{CHAIN_PART_MAX, Chain, ChainDelivery, Topic},
    id::{self, DeliveryId, NoId},
    time::Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    deliveries::shown::DeliveryBody,
    executions::ExecutionBody,
    extract::{AppPath, InPath, Named},
    problem::{Answer, not_found, problems},
};
use crate::Manager;

/// What followed from one request or event.
#[derive(Serialize, ToSchema)]
#[schema(as = Chain)]
pub(crate) struct ChainBody {
    /// What began it: a run, or an event.
    root_id: Uuid,
    /// Its events. Each follows from the run `cause_id`.
    events: Vec<ChainEventBody>,
    /// Its deliveries. Each follows from the event `event_id`.
    deliveries: Vec<DeliveryBody>,
    /// Its runs, without their logs. Each follows from its `delivery`; the one that began it has none. A run for several
    /// events is in the chain of each; its `delivery` is the first of them, and what follows from it is in the chain of that
    /// one alone.
    executions: Vec<ExecutionBody>,
    /// Whether it has more than 200 deliveries or runs: then these are the first ones.
    is_cut: bool,
}

/// An event of a chain, without what it carries.
#[derive(Serialize, ToSchema)]
#[schema(as = ChainEvent)]
struct ChainEventBody {
    id: Uuid,
    /// Null for a request that nobody waits for, and for schedules.
    #[schema(required, example = "orders.placed")]
    topic: Option<String>,
    #[schema(example = "/scripts/orders")]
    source: String,
    #[schema(required)]
    subject: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    time: Timestamp,
    /// The run that published it; null if none did.
    #[schema(required)]
    cause_id: Option<Uuid>,
    /// How many events led to it.
    depth: u8,
}

problems!(GetChainProblems: NotFound);

/// Get a chain of causes and effects
///
/// What followed from one request or event, and is still kept, the oldest first: `root_id` of an event or an execution
/// says to which chain it belongs. The id of a delivery, such as an `invocation_id`, leads to the chain of its event.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/chains/{root}",
    tag = "events",
    responses((status = 200, description = "The chain", body = ChainBody), GetChainProblems),
)]
pub(crate) async fn get_chain(
    State(manager): State<Manager>,
    AppPath { app, .. }: AppPath,
    InPath(RootId(root)): InPath<RootId>,
) -> Answer<Json<ChainBody>> {
    let stored = manager.repository();
    let chain = stored.find_chain(app.id, root, CHAIN_PART_MAX).await?;
    if !chain.is_empty() {
        return Ok(Json(ChainBody::of(root, chain)));
    }
    let delivery = stored.find_delivery(app.id, DeliveryId(root)).await?;
    let root = delivery.ok_or_else(|| not_found("chain"))?.event.lineage.root;
    let chain = stored.find_chain(app.id, root, CHAIN_PART_MAX).await?;
    if chain.is_empty() {
        return Err(not_found("chain"));
    }
    Ok(Json(ChainBody::of(root, chain)))
}

/// What began a chain: a run, or an event.
pub(crate) struct RootId(Uuid);

impl FromStr for RootId {
    type Err = NoId;

    fn from_str(text: &str) -> Result<Self, NoId> {
        id::read(text).map(Self)
    }
}

impl Named for RootId {
    const NAME: &str = "root";
    const TITLE: &str = "chain";
}

impl ChainBody {
    fn of(root_id: Uuid, chain: Chain) -> Self {
        let mut told = HashSet::new();
        let events = chain.deliveries.iter();
        // Each event once, whoever gets it.
        let events = events.filter(|told_of| told.insert(told_of.delivery.event_id));
        let events = events.map(ChainEventBody::of).collect();
        let deliveries = chain.deliveries.into_iter();
        Self {
            root_id,
            events,
            deliveries: deliveries.map(|told_of| told_of.delivery.into()).collect(),
            executions: chain.runs.into_iter().map(ExecutionBody::summary).collect(),
            is_cut: chain.is_cut,
        }
    }
}

impl ChainEventBody {
    fn of(of: &ChainDelivery) -> Self {
        let delivery = &of.delivery;
        Self {
            id: delivery.event_id.0,
            topic: delivery.topic.as_ref().map(Topic::as_str).map(str::to_owned),
            source: of.source.clone(),
            subject: of.subject.clone(),
            time: of.time,
            cause_id: of.lineage.cause.map(|cause| cause.0),
            depth: of.lineage.depth,
        }
    }
}
