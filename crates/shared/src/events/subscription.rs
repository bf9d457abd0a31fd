//! Who wants which events.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Destination, RetryPolicy, TopicPattern};
use crate::{
    id::{AppId, ScriptId, SubscriptionId},
    time::Timestamp,
};

/// A script that runs for each event on some topics. Part of its app's releases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subscription {
    /// Names it.
    pub id: SubscriptionId,
    /// Whose it is.
    pub app_id: AppId,
    /// Unique in its app.
    pub name: String,
    /// Which topics.
    pub topic: TopicPattern,
    /// Which script runs.
    pub script_id: ScriptId,
    /// A filter of documents (see [`docs`](crate::services::docs)) over `topic`, `subject`, `source`, `key` and `data`;
    /// without one, every event is wanted.
    pub filter: Option<Value>,
    /// Whether events with the same key run one after the other, in the order in which they were accepted.
    pub ordered: bool,
    /// What becomes of an event whose runs fail.
    pub retry: RetryPolicy,
    /// Who is told of each event that is done.
    pub on_success: Option<Destination>,
    /// Who is told of each event that is dead.
    pub on_failure: Option<Destination>,
    /// Whether events pass it by at present.
    pub is_paused: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
