//! Rhai's own functions that one call could make allocate or run without bound, written again so that they ask
//! the run first. They have the same names and types, and are found before Rhai's because they are registered
//! later.
//!
//! What is not here takes memory and time in proportion to its arguments at most, calls back into the script at
//! every step (which counts), or neither allocates nor loops. And those that call back, which Rhai does in a slow way.

mod arrays;
mod blobs;
mod callbacks;
mod map_callbacks;
mod places;
mod show;
mod sort;
mod strings;

use rhai::Module;

pub(super) use self::{show::append_display, strings::replaced};

/// The functions as scripts see them.
pub(super) fn modules() -> [Module; 9] {
    [
        arrays::module(),
        blobs::module(),
        callbacks::module(),
        map_callbacks::module(),
        places::module(),
        show::module(),
        sort::module(),
        strings::module(),
        strings::split_module(),
    ]
}
