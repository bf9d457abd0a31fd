//! An event, as the run for it knows it.

use std::sync::Arc;

use super::{Event, Origin};
use crate::id::DeliveryId;

/// What a script runs for.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivered {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The number of the run, from 1.
    pub attempt: u32,
    /// Why the event goes to this script.
    pub origin: Origin,
    /// What happened.
    pub event: Arc<Event>,
    /// What else the same run is for; these have no others.
    pub others: Vec<Self>,
}

impl Delivered {
    /// This one, and what else the same run is for.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.others)
    }
}
