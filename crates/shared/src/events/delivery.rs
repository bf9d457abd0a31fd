//! Deliveries, as people see them.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Counts, Destination, Event, Origin, RetryPolicy, Topic};
use crate::{
    id::{AppId, DeliveryId, EventId, ExecutionId, ScriptId},
    time::Timestamp,
};

/// One event on its way to one script.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Names it; the id of an asynchronous run.
    pub id: DeliveryId,
    /// Of which app.
    pub app_id: AppId,
    /// Which script runs.
    pub script_id: ScriptId,
    /// What happened.
    pub event_id: EventId,
    /// The topic of the event.
    pub topic: Option<Topic>,
    /// The key of the event.
    pub key: Option<String>,
    /// Why it goes to this script.
    pub origin: Origin,
    /// Whether it waits for earlier ones of its subscription with the same key.
    pub ordered: bool,
    /// How far it has got.
    pub state: DeliveryState,
    /// What went wrong so far.
    pub counts: Counts,
    /// How often it was given another chance after it was dead.
    pub redrives: u32,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When it may run, while it waits. It may still have to wait for earlier ones of its key.
    pub due_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why it is dead.
    pub reason: Option<DeadReason>,
    /// What went wrong last.
    pub error: Option<String>,
    /// The last run that is known of.
    pub execution: Option<ExecutionId>,
    /// The status that its run answered with, once it is done.
    pub response_status: Option<u16>,
    /// The node that holds it, while it runs.
    pub node: Option<String>,
    /// Bytes of its event.
    pub bytes: u64,
}

/// A delivery with all that is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryDetail {
    /// What is listed of it.
    pub delivery: Delivery,
    /// What happened.
    pub event: Event,
    /// What becomes of it when its runs fail.
    pub retry: RetryPolicy,
    /// Who is told when it is done.
    pub on_success: Option<Destination>,
    /// Who is told when it is dead.
    pub on_failure: Option<Destination>,
    /// What its run answered, if that is kept.
    pub result: Option<DeliveryResult>,
}

/// What a run answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryResult {
    /// The status.
    pub status: u16,
    /// The media type of the body.
    pub content_type: Option<String>,
    /// At most [`RESULT_BYTES_MAX`](super::RESULT_BYTES_MAX).
    pub body: Bytes,
    /// Whether there was more.
    pub is_cut: bool,
}

/// How far a delivery has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It will run.
    Waiting,
    /// A node holds it.
    Running,
    /// It ran, and all that it wrote has taken effect.
    Done,
    /// It is set aside, with all that is needed to look at it and to give it another chance.
    Dead,
    /// Somebody did not want it any more.
    Cancelled,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Waiting,
        Self::Running,
        Self::Done,
        Self::Dead,
        Self::Cancelled,
    ];

    /// The word for it in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Why a delivery is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadReason {
    /// Its script failed as often as it may.
    Exhausted,
    /// Its script said that trying again is of no use.
    Never,
    /// It is older than it may be.
    Expired,
    /// The server ended while it ran, too often.
    Poison,
    /// Its script is gone.
    ScriptGone,
    /// What is stored of it cannot be read.
    Unreadable,
}

impl DeadReason {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::Exhausted,
        Self::Never,
        Self::Expired,
        Self::Poison,
        Self::ScriptGone,
        Self::Unreadable,
    ];

    /// The word for it in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exhausted => "exhausted",
            Self::Never => "never",
            Self::Expired => "expired",
            Self::Poison => "poison",
            Self::ScriptGone => "script_gone",
            Self::Unreadable => "unreadable",
        }
    }
}

/// Why a delivery goes to its script, without which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OriginKind {
    /// See [`Origin::Invoke`].
    Invoke,
    /// See [`Origin::Subscription`].
    Subscription,
    /// See [`Origin::Schedule`].
    Schedule,
    /// See [`Origin::Destination`].
    Destination,
}

impl OriginKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [
        Self::Invoke,
        Self::Subscription,
        Self::Schedule,
        Self::Destination,
    ];

    /// The word for it in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invoke => "invoke",
            Self::Subscription => "subscription",
            Self::Schedule => "schedule",
            Self::Destination => "destination",
        }
    }
}

impl Origin {
    /// Its kind.
    pub fn kind(&self) -> OriginKind {
        match self {
            Self::Invoke => OriginKind::Invoke,
            Self::Subscription(_) => OriginKind::Subscription,
            Self::Schedule { .. } => OriginKind::Schedule,
            Self::Destination => OriginKind::Destination,
        }
    }
}

/// Which deliveries are wanted; each part that is set must fit.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// In this state.
    pub state: Option<DeliveryState>,
    /// To this script.
    pub script: Option<ScriptId>,
    /// Of events on this topic.
    pub topic: Option<Topic>,
    /// For this reason.
    pub origin: Option<OriginKind>,
}

/// How many deliveries of one topic wait for one script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueDepth {
    /// The script.
    pub script_id: ScriptId,
    /// The topic; none for asynchronous requests and schedules.
    pub topic: Option<Topic>,
    /// How many wait.
    pub waiting: u64,
    /// How many run.
    pub running: u64,
    /// How many are dead.
    pub dead: u64,
    /// Bytes of the events of those that wait or run.
    pub bytes: u64,
    /// Since when the first of those that wait does.
    pub oldest_accepted_at: Option<Timestamp>,
}

/// How much is kept of deliveries that have ended. What is beyond any of these bounds is deleted, the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRetention {
    /// Those that are done or cancelled, for so many hours.
    pub done_hours_max: u32,
    /// So many of them per app.
    pub done_per_app_max: u64,
    /// So many bytes of them per app.
    pub done_bytes_per_app_max: u64,
    /// Those that are dead, for so many days.
    pub dead_days_max: u32,
    /// So many of them per app.
    pub dead_per_app_max: u64,
    /// So many bytes of them per app.
    pub dead_bytes_per_app_max: u64,
}

impl Default for EventRetention {
    fn default() -> Self {
        Self {
            done_hours_max: 24,
            done_per_app_max: 100_000,
            done_bytes_per_app_max: 256 * 1_024 * 1_024,
            dead_days_max: 14,
            dead_per_app_max: 100_000,
            dead_bytes_per_app_max: 256 * 1_024 * 1_024,
        }
    }
}

impl EventRetention {
    /// How long those that are done or cancelled are kept.
    pub fn done_max(self) -> Duration {
        Duration::from_hours(1) * self.done_hours_max
    }

    /// How long those that are dead are kept.
    pub fn dead_max(self) -> Duration {
        Duration::from_hours(24) * self.dead_days_max
    }
}
