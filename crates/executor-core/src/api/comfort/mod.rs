//! What authors expect of strings, arrays, maps and numbers, and Rhai has not: above all forms that give a new
//! value, where Rhai's own change the old one and give `()`.

mod arrays;
mod maps;
mod numbers;
mod strings;

use rhai::Module;

/// The functions as scripts see them, without a module's name before theirs.
pub(super) fn modules() -> [Module; 4] {
    [
        arrays::module(),
        maps::module(),
        numbers::module(),
        strings::module(),
    ]
}
