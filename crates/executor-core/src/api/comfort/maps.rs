//! Maps.

use rhai::{Module, export_module, exported_module};

/// The functions as scripts see them.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use rhai::{Dynamic, Map};

    /// Whether the map has the key, whatever its value.
    ///
    /// ```rhai
    /// #{a: ()}.has("a")  //=> true
    /// #{a: ()}.has("b")  //=> false
    /// ```
    #[rhai_fn(pure)]
    fn has(map: &mut Map, key: &str) -> bool {
        map.contains_key(key)
    }

    /// The value of the key, or `default` if the map has not the key.
    ///
    /// ```rhai
    /// #{a: 1}.get("a", 0)  //=> 1
    /// #{a: 1}.get("b", 0)  //=> 0
    /// ```
    #[rhai_fn(pure)]
    fn get(map: &mut Map, key: &str, default: Dynamic) -> Dynamic {
        map.get(key).cloned().unwrap_or(default)
    }
}
