//! Cases that are all combinations of some parts.

mod callbacks;
mod edges;
mod nested;
mod parser;
mod values;

use crate::case::Case;

/// All of them.
pub(crate) fn cases() -> Vec<Case> {
    [
        callbacks::cases(),
        edges::cases(),
        nested::cases(),
        parser::cases(),
        values::cases(),
    ]
    .concat()
}
