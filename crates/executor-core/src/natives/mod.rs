//! Native functions that act on the run itself: its log and its time.

mod log;
mod sleep;
mod text;

use rhai::Module;

pub(crate) use self::{log::module as log_module, text::text_of};

/// What every script can call by its bare name.
pub(crate) fn globals() -> [Module; 2] {
    [sleep::module(), log::globals()]
}
