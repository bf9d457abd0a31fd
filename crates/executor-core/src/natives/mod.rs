//! Native functions that act on the run itself: its log and its time.

mod log;
mod sleep;
mod text;

use rhai::Engine;

pub(crate) use self::text::text_of;

/// Registers all of them, over those of Rhai with the same names.
pub(crate) fn register(engine: &mut Engine) {
    engine
        .register_global_module(sleep::module().into())
        .register_global_module(log::globals().into())
        .register_static_module("log", log::module().into());
}
