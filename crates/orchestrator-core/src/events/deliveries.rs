//! What one run is for: a delivery, or several of one queue.

use std::iter;

use picloud_shared::events::{Held, Leased};

/// What one run is for.
pub(super) struct Deliveries {
    pub(super) first: Leased,
    /// The others of its batch, if it has one.
    others: Vec<Leased>,
}

impl Deliveries {
    /// Puts together what one run is for: those of one batch stand together.
    pub(super) fn of_claim(leased: Vec<Leased>) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::with_capacity(leased.len());
        for one in leased {
            match all.last_mut() {
                Some(last) if one.batch.is_some() && last.first.batch == one.batch => last.others.push(one),
                _ => all.push(Self {
                    first: one,
                    others: Vec::new(),
                }),
            }
        }
        all
    }

    /// All of them, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Leased> {
        iter::once(&self.first).chain(&self.others)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        1 + self.others.len()
    }

    /// Whether none of them is to blame for what goes wrong.
    pub(super) fn are_several(&self) -> bool {
        !self.others.is_empty()
    }

    /// What names their leases.
    pub(super) fn held(&self) -> Vec<Held> {
        self.iter().map(Leased::held).collect()
    }

    /// How many events stand before the run in its chain.
    pub(super) fn depth(&self) -> u8 {
        let depths = self.iter().map(|leased| leased.event.lineage.depth);
        depths.max().unwrap_or_default().saturating_add(1)
    }

    /// Whether another delivery may run once these have ended.
    pub(super) fn free_another(&self) -> bool {
        self.iter().any(frees_another)
    }
}

/// Whether another delivery may run once this one has ended.
pub(super) fn frees_another(leased: &Leased) -> bool {
    leased.ordered && leased.event.key.is_some()
}
