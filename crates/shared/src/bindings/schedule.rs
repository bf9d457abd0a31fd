//! What runs when it is time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Binding, BindingSpec, differing};
use crate::{
    events::{Destination, Lineage, NewDelivery, NewEvent, Origin, RetryPolicy},
    id::{DeliveryId, EventId, ScheduleId},
    schedule::{Policy, Schedule},
    time::Timestamp,
};

/// A script that runs when it is time.
pub type ScheduledScript = Binding<ScheduleSpec>;

/// When the script runs, and what for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleSpec {
    /// When it is due.
    pub schedule: Schedule,
    /// The data of each of its events.
    #[serde(default)]
    pub arguments: Value,
    /// What is done about an occurrence that finds a run going, or comes while the server is down.
    #[serde(default)]
    pub policy: Policy,
    /// What becomes of an occurrence whose runs fail.
    #[serde(default)]
    pub retry: RetryPolicy,
    /// Who is told of each occurrence that is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_success: Option<Destination>,
    /// Who is told of each occurrence that is dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<Destination>,
}

impl ScheduledScript {
    /// Its id, among those of schedules.
    pub fn schedule_id(&self) -> ScheduleId {
        ScheduleId(self.id)
    }

    /// What starts its script for the occurrence of a moment.
    pub fn event(&self, scheduled_at: Timestamp, catch_up: bool, now: Timestamp) -> NewEvent {
        let id = EventId::new(now);
        NewEvent {
            id,
            topic: None,
            source: format!("/schedules/{}", self.name),
            subject: None,
            time: scheduled_at,
            extensions: BTreeMap::new(),
            content_type: "application/json".to_owned(),
            data: self.spec.arguments.to_string().into(),
            key: None,
            request: None,
            due_at: None,
            lineage: Lineage {
                root: id.0,
                cause: None,
                depth: 0,
            },
            deliveries: vec![NewDelivery {
                id: DeliveryId::new(now),
                script_id: self.script_id,
                origin: Origin::Schedule {
                    id: self.schedule_id(),
                    scheduled_at,
                    catch_up,
                },
                ordered: false,
                retry: self.spec.retry,
                on_success: self.spec.on_success.clone(),
                on_failure: self.spec.on_failure.clone(),
            }],
        }
    }
}

impl BindingSpec for ScheduleSpec {
    const KIND: &'static str = "schedule";

    fn differences(&self, other: &Self) -> Vec<&'static str> {
        differing([
            ("schedule", self.schedule == other.schedule),
            ("arguments", self.arguments == other.arguments),
            ("policy", self.policy == other.policy),
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
