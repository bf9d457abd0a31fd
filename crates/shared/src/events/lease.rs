//! Deliveries that a node holds, and how each ends.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{DeadReason, DeliveryResult, Destination, Event, NewEvent, Origin, QueueId, RetryPolicy};
use crate::{
    id::{AppId, DeliveryId, ExecutionId, ScriptId},
    time::Timestamp,
};

/// A delivery that a node holds. Nobody else runs it before the lease ends.
#[derive(Clone, Debug)]
pub struct Leased {
    /// Which.
    pub delivery: DeliveryId,
    /// Of which app.
    pub app_id: AppId,
    /// Which script is to run.
    pub script_id: ScriptId,
    /// Grows with each lease: whoever acts with an earlier one changes nothing.
    pub token: i64,
    /// Until when.
    pub until: Timestamp,
    /// What became of it before.
    pub counts: Counts,
    /// The first of those that one run is for, if it is for several.
    pub batch: Option<DeliveryId>,
    /// Whether the script has failed for it only once, in a run that was for several.
    pub ran_only_in_batch: bool,
    /// What happened.
    pub event: Arc<Event>,
    /// See [`NewDelivery`](super::NewDelivery).
    pub origin: Origin,
    /// See [`NewDelivery`](super::NewDelivery).
    pub ordered: bool,
    /// See [`NewDelivery`](super::NewDelivery).
    pub retry: RetryPolicy,
    /// See [`NewDelivery`](super::NewDelivery).
    pub on_success: Option<Destination>,
    /// See [`NewDelivery`](super::NewDelivery).
    pub on_failure: Option<Destination>,
    /// When its age began: when it was accepted, or was due if that was later, or was given another chance.
    pub since: Timestamp,
}

impl Leased {
    /// The number of this run among those of the delivery that count, from 1.
    pub fn attempt(&self) -> u32 {
        self.counts.attempts.saturating_add(1)
    }

    /// What became of it in runs that were for it alone, for whoever asks whether it is too old: a run for several tells
    /// nothing of one of them.
    pub fn counts_alone(&self) -> Counts {
        let attempts = if self.ran_only_in_batch {
            0
        } else {
            self.counts.attempts
        };
        Counts {
            attempts,
            ..self.counts
        }
    }

    /// In which queue it waited.
    pub fn queue(&self) -> QueueId {
        match &self.origin {
            Origin::Subscription(subscription) => QueueId(subscription.0),
            Origin::Schedule { id, .. } => QueueId(id.0),
            Origin::Invoke | Origin::Destination => QueueId(self.script_id.0),
        }
    }

    /// What names the lease.
    pub fn held(&self) -> Held {
        Held {
            app_id: self.app_id,
            delivery: self.delivery,
            token: self.token,
        }
    }
}

/// A lease, as whoever holds it names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Held {
    /// Of which app.
    pub app_id: AppId,
    /// Which delivery.
    pub delivery: DeliveryId,
    /// The token of the lease.
    pub token: i64,
}

/// How often something went wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Runs in which the script failed.
    pub attempts: u32,
    /// Times that PiCloud could not run it, or not to its end. They use up no attempts.
    pub faults: u32,
    /// Times that the server, or its lease, ended while it ran.
    pub aborts: u32,
}

/// The end of a delivery that went well, as a part of its run's commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ack {
    /// Which delivery.
    pub delivery: DeliveryId,
    /// The token of the lease under which it ran. If another holds it by now, nothing of the commit takes effect.
    pub token: i64,
    /// The run.
    pub execution: ExecutionId,
    /// What is kept of its answer, if anybody may ask for it.
    pub result: Option<DeliveryResult>,
}

/// Why a run did not go well, and what follows.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The run, if there was one.
    pub execution: Option<ExecutionId>,
    /// In one sentence, for those who look at the delivery.
    pub error: String,
    /// Whose fault it was.
    pub is_fault: bool,
    /// What follows.
    pub next: Next,
    /// What is published with it, such as to who is to be told that it is dead. No bound refuses those that are
    /// [for a destination](NewEvent::is_for_a_destination). The others are left out, all of them, if they are more than
    /// the app may have waiting; the error says so then.
    pub emits: Vec<NewEvent>,
}

/// What becomes of a delivery after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It runs again.
    RetryAt(Timestamp),
    /// It is set aside.
    Dead(DeadReason),
}
