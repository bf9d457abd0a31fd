//! The end of what a test does in the background.

use std::sync::atomic::{AtomicBool, Ordering};

/// Tells the threads of a test to end when it is dropped; so a test that fails ends too.
pub(crate) struct Done<'t>(pub(crate) &'t AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
