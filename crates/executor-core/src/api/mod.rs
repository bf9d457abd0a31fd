//! The standard library of scripts.

use rhai::Engine;

/// Registers all of it.
pub(crate) fn register(_engine: &mut Engine) {}
