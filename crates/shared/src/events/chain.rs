//! Chains of causes and effects.

use super::{Delivery, Lineage};
use crate::{execution::Execution, time::Timestamp};

/// What followed from one request or event, and is still kept. The oldest come first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chain {
    /// Its deliveries, with what is told of their events.
    pub deliveries: Vec<ChainDelivery>,
    /// Its runs: those of its deliveries, and the one that began it, if one did.
    pub runs: Vec<Execution>,
    /// Whether there are more deliveries or runs than were asked for.
    pub is_cut: bool,
}

impl Chain {
    /// Whether nothing is known of it.
    pub fn is_empty(&self) -> bool {
        self.deliveries.is_empty() && self.runs.is_empty()
    }
}

/// A delivery of a chain, and its event without what that carries.
#[derive(Clone, Debug, PartialEq)]
pub struct ChainDelivery {
    /// The delivery.
    pub delivery: Delivery,
    /// See [`Event::source`](super::Event::source).
    pub source: String,
    /// See [`Event::subject`](super::Event::subject).
    pub subject: Option<String>,
    /// When the event happened.
    pub time: Timestamp,
    /// What the event follows from.
    pub lineage: Lineage,
}
