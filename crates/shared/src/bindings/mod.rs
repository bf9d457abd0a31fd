//! Bindings: what starts a script beside requests. A subscription starts it for events on some topics, a schedule when it
//! is time. They are configuration of their app, and part of its releases.

mod schedule;
mod subscription;

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

pub use self::{
    schedule::{ScheduleSpec, ScheduledScript},
    subscription::{SUBSCRIPTION_RUNS_MAX, Subscription, SubscriptionSpec},
};
use crate::{
    events::Destination,
    id::{AppId, ScriptId},
    time::Timestamp,
};

/// Most subscriptions of an app, and most schedules.
pub const BINDINGS_MAX: usize = 200;

/// Bytes that all of an app's subscriptions have together, and all its schedules: each release has a copy of them.
pub const BINDINGS_BYTES_MAX: usize = 256 * 1_024;

/// Longest data that a schedule gives to its runs, and longest filter of a subscription, in bytes of JSON.
pub const BINDING_JSON_BYTES_MAX: usize = 32 * 1_024;

/// A script, and what starts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding<S> {
    /// Names it: a [`SubscriptionId`](crate::id::SubscriptionId) or a [`ScheduleId`](crate::id::ScheduleId).
    pub id: Uuid,
    /// Whose it is.
    pub app_id: AppId,
    /// Unique among those of its kind in the app.
    pub name: String,
    /// Which script runs.
    pub script_id: ScriptId,
    /// Whether it starts nothing at present.
    pub is_paused: bool,
    /// What starts it.
    pub spec: S,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What starts a script: one of the kinds.
pub trait BindingSpec:
    Clone + fmt::Debug + PartialEq + Eq + Serialize + DeserializeOwned + Send + Sync + Unpin + 'static
{
    /// The word for the kind in the database, the audit log, and to people.
    const KIND: &'static str;

    /// The names of the fields in which `other` differs.
    fn differences(&self, other: &Self) -> Vec<&'static str>;

    /// Who is told of each run that is done, and of each event that is dead.
    fn destinations(&self) -> [Option<&Destination>; 2];

    /// The same, to be set.
    fn set_destinations(&mut self, on_success: Option<Destination>, on_failure: Option<Destination>);
}

/// The fields of [`BindingSpec::destinations`].
pub const DESTINATIONS: [&str; 2] = ["on_success", "on_failure"];

/// The name of a binding cannot be this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 64 characters, each a letter, digit, -, _ or ., and start with a letter or digit")]
pub struct InvalidBindingName;

/// Whether a text may be the name of a binding: the rule is that of scripts.
pub fn check_name(text: &str) -> Result<(), InvalidBindingName> {
    match text.parse::<crate::script::ScriptName>() {
        Ok(_) => Ok(()),
        Err(_) => Err(InvalidBindingName),
    }
}

fn differing<const N: usize>(fields: [(&'static str, bool); N]) -> Vec<&'static str> {
    let differing = fields.into_iter().filter(|(_, is_same)| !is_same);
    differing.map(|(name, _)| name).collect()
}
