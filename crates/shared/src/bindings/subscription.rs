//! Who wants which events.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Binding, BindingSpec, differing};
use crate::{
    events::{Batch, Destination, NewDelivery, Origin, RetryPolicy, TopicPattern},
    id::{DeliveryId, ScriptId, SubscriptionId},
    time::Timestamp,
};

/// The highest bound on the runs of a subscription.
pub const SUBSCRIPTION_RUNS_MAX: u32 = 1_000;

/// A script that runs for each event on some topics.
pub type Subscription = Binding<SubscriptionSpec>;

/// Which events start the script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionSpec {
    /// Which topics.
    pub topic: TopicPattern,
    /// A filter of documents (see [`docs`](crate::services::docs)) over `topic`, `subject`, `source`, `key` and `data`;
    /// without one, every event is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Value>,
    /// Whether events with the same key run one after the other, in the order in which they were accepted.
    #[serde(default)]
    pub ordered: bool,
    /// Whether a run gets several events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Batch>,
    /// How many runs for it may be going at one time, on all servers together: 1 to [`SUBSCRIPTION_RUNS_MAX`]. As many as
    /// its script may, if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency_max: Option<u32>,
    /// What becomes of an event whose runs fail.
    #[serde(default)]
    pub retry: RetryPolicy,
    /// Who is told of each event that is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_success: Option<Destination>,
    /// Who is told of each event that is dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<Destination>,
}

impl Subscription {
    /// Its id, among those of subscriptions.
    pub fn subscription_id(&self) -> SubscriptionId {
        SubscriptionId(self.id)
    }
}

impl SubscriptionSpec {
    /// A delivery to the script of the subscription `id`, of what is published at `now`.
    pub fn delivery(&self, id: SubscriptionId, script_id: ScriptId, now: Timestamp) -> NewDelivery {
        NewDelivery {
            id: DeliveryId::new(now),
            script_id,
            origin: Origin::Subscription(id),
            ordered: self.ordered,
            retry: self.retry,
            on_success: self.on_success.clone(),
            on_failure: self.on_failure.clone(),
        }
    }
}

impl BindingSpec for SubscriptionSpec {
    const KIND: &'static str = "subscription";

    fn differences(&self, other: &Self) -> Vec<&'static str> {
        differing([
            ("topic", self.topic == other.topic),
            ("filter", self.filter == other.filter),
            ("ordered", self.ordered == other.ordered),
            ("batch", self.batch == other.batch),
            ("concurrency_max", self.concurrency_max == other.concurrency_max),
            ("retry", self.retry == other.retry),
            ("on_success", self.on_success == other.on_success),
            ("on_failure", self.on_failure == other.on_failure),
        ])
    }

    fn destinations(&self) -> [Option<&Destination>; 2] {
        [self.on_success.as_ref(), self.on_failure.as_ref()]
    }

    fn set_destinations(&mut self, on_success: Option<Destination>, on_failure: Option<Destination>) {
        self.on_success = on_success;
        self.on_failure = on_failure;
    }
}
