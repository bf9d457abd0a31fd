//! Events and their deliveries.

mod batch;
mod claim;
mod clock;
mod commits;
mod leases;
mod manage;
mod order;
mod publish;
mod queues;
mod releases;
mod retention;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use bytes::Bytes;
use picloud_shared::{
    events::{
        Ack, Claim, Claimed, Delivery, DeliveryFilter, DeliveryState, Failure, Held, LEASE, Leased, Lineage,
        NewDelivery, NewEvent, Next, Origin, RetryPolicy,
    },
    id::{AppId, DeliveryId, EventId, ExecutionId, ScriptId, SubscriptionId},
    repository::{DeliveryRepository, EventRepository},
    services::{Answer, Commit, Question, ServiceError},
    time::Timestamp,
};
use uuid::Uuid;

use crate::{
    bed::Bed,
    fixtures::{app, first, now, script},
};

/// So many seconds after the moment at which these cases begin.
fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000).plus(Duration::from_secs(seconds))
}

/// An app with a script, and a clock that is set by hand.
struct Ground {
    bed: Bed,
    app: AppId,
    script: ScriptId,
}

impl Ground {
    async fn new(bed: Bed) -> Self {
        let app = app(&bed.store, "one").await.id;
        let script = script(&bed.store, app, "hello").await.id;
        Self { bed, app, script }
    }

    fn delivery(&self) -> NewDelivery {
        NewDelivery {
            id: DeliveryId::new(now()),
            script_id: self.script,
            origin: Origin::Invoke,
            ordered: false,
            retry: RetryPolicy::default(),
            on_success: None,
            on_failure: None,
        }
    }

    /// An event with one delivery.
    fn event(&self) -> NewEvent {
        event(vec![self.delivery()])
    }

    /// An event of a subscription, to be delivered in the order of its key.
    fn ordered(&self, subscription: SubscriptionId, key: &str) -> NewEvent {
        let delivery = NewDelivery {
            origin: Origin::Subscription(subscription),
            ordered: true,
            ..self.delivery()
        };
        NewEvent {
            topic: Some("orders.created".parse().unwrap()),
            key: Some(key.to_owned()),
            ..event(vec![delivery])
        }
    }

    async fn publish(&self, events: Vec<NewEvent>, moment: Timestamp) -> Vec<DeliveryId> {
        self.publish_in(self.app, events, moment).await
    }

    async fn publish_in(&self, app: AppId, events: Vec<NewEvent>, moment: Timestamp) -> Vec<DeliveryId> {
        let published = self.bed.store.publish(app, events, None, moment).await.unwrap();
        let deliveries = published.events.into_iter().map(|event| event.deliveries);
        deliveries.flatten().collect()
    }

    async fn claim(&self, node: &str, places: u32, moment: Timestamp) -> Claimed {
        self.bed
            .store
            .claim(claim(node, places, moment), moment)
            .await
            .unwrap()
    }

    /// Claims the only one that is due.
    async fn claim_one(&self, node: &str, moment: Timestamp) -> Leased {
        let mut claimed = self.claim(node, 10, moment).await.leased;
        assert_eq!(claimed.len(), 1, "{claimed:?}");
        claimed.remove(0)
    }

    async fn fail(&self, held: Held, next: Next, moment: Timestamp) -> bool {
        self.bed.store.fail(held, failure(next), moment).await.unwrap()
    }

    async fn commit(&self, commit: Commit, moment: Timestamp) -> Result<Answer, ServiceError> {
        let question = Question::Commit(commit);
        self.bed.store.answer_kv(self.app, question, moment).await
    }

    /// Ends a delivery well.
    async fn acknowledge(&self, held: Held, moment: Timestamp) -> Answer {
        self.commit(acknowledging(held), moment).await.unwrap()
    }

    async fn find(&self, delivery: DeliveryId) -> Delivery {
        let found = self.bed.store.find_delivery(self.app, delivery).await.unwrap();
        found.unwrap().delivery
    }

    async fn state(&self, delivery: DeliveryId) -> DeliveryState {
        self.find(delivery).await.state
    }

    async fn list(&self, state: DeliveryState) -> Vec<DeliveryId> {
        let filter = DeliveryFilter {
            state: Some(state),
            ..DeliveryFilter::default()
        };
        let page = self
            .bed
            .store
            .list_deliveries(self.app, &filter, first(200))
            .await;
        page.unwrap().items.iter().map(|delivery| delivery.id).collect()
    }

    async fn count(&self, table: &str) -> i64 {
        let mut raw = self.bed.raw().await;
        raw.number(&format!("SELECT count(*) FROM {table}")).await
    }

    /// What is counted of the app is what there is.
    async fn is_counted_exactly(&self) {
        let mut raw = self.bed.raw().await;
        let live = "FROM deliveries WHERE state IN ('waiting', 'behind', 'running')";
        for (column, expected) in [("count", "count(*)"), ("bytes", "COALESCE(sum(bytes), 0)")] {
            let counted = format!("SELECT CAST(COALESCE(sum({column}), 0) AS BIGINT) FROM app_queues");
            let there = format!("SELECT CAST({expected} AS BIGINT) {live}");
            assert_eq!(raw.number(&counted).await, raw.number(&there).await, "{column}");
        }
    }
}

fn event(deliveries: Vec<NewDelivery>) -> NewEvent {
    NewEvent {
        id: EventId::new(now()),
        topic: None,
        source: "/tests".to_owned(),
        subject: None,
        time: at(0),
        extensions: BTreeMap::new(),
        content_type: "application/json".to_owned(),
        data: Bytes::from_static(b"{}"),
        key: None,
        request: None,
        due_at: None,
        lineage: Lineage {
            root: Uuid::new_v4(),
            cause: None,
            depth: 0,
        },
        deliveries,
    }
}

fn claim(node: &str, places: u32, moment: Timestamp) -> Claim {
    Claim {
        node: node.to_owned(),
        places,
        per_app_max: places.max(1),
        // Nothing is left for others.
        share: u32::MAX,
        held: HashMap::new(),
        held_in_queues: HashMap::new(),
        queues: HashMap::new(),
        full: HashSet::new(),
        lease_until: moment.plus(LEASE),
    }
}

fn failure(next: Next) -> Failure {
    Failure {
        execution: Some(ExecutionId::new(now())),
        error: "it \0 failed".to_owned(),
        is_fault: false,
        next,
        emits: Vec::new(),
    }
}

fn ack(held: Held) -> Ack {
    Ack {
        delivery: held.delivery,
        token: held.token,
        execution: ExecutionId::new(now()),
        result: None,
    }
}

fn acknowledging(held: Held) -> Commit {
    Commit {
        acks: vec![ack(held)],
        ..Commit::default()
    }
}

fn ids(claimed: &Claimed) -> Vec<DeliveryId> {
    claimed.leased.iter().map(|leased| leased.delivery).collect()
}
