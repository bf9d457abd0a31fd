//! Which patterns a run has used lately.

use std::{
    cell::RefCell,
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
};

use super::cache::PATTERNS_MAX;

/// The patterns that a run has used lately. A run pays for the first use of a pattern, whether or not its thread
/// had compiled it for another run: what a script costs must not depend on what ran before it.
#[derive(Default)]
pub(crate) struct RecentPatterns(RefCell<Vec<u64>>);

impl RecentPatterns {
    /// Notes a use. Tells whether it is the first, or the last one was long ago.
    pub(crate) fn note(&self, source: &str) -> bool {
        let hash = BuildHasherDefault::<DefaultHasher>::new().hash_one(source);
        let mut recent = self.0.borrow_mut();
        let known = recent.iter().rposition(|known| *known == hash);
        if let Some(index) = known {
            recent.remove(index);
        } else if recent.len() >= PATTERNS_MAX {
            recent.remove(0);
        }
        recent.push(hash);
        known.is_none()
    }
}
