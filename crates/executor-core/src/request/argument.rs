//! What one script hands to another.
//!
//! Each run frees what it holds at its end, also what holds itself, and knows no function of another run. So what goes
//! from one to the other is data that nothing else is part of.

use rhai::{Array, Blob, Dynamic, ImmutableString, Map};

use crate::{
    api::{Fallible, fail, type_name},
    gate, json,
    response::Response,
};

/// What a place for one value takes, with what a map needs for it.
const BYTES_PER_VALUE: usize = 64;

/// A value that holds nothing which is shared.
pub(crate) struct Argument {
    value: Dynamic,
    values: u64,
    bytes: usize,
}

impl Argument {
    /// `value`, if it can be handed over. `what` begins a sentence about it.
    pub(crate) fn new(what: &str, value: Dynamic) -> Fallible<Self> {
        let mut argument = Self {
            value: Dynamic::UNIT,
            values: 0,
            bytes: 0,
        };
        argument.value = argument.detached(what, value, json::DEPTH_MAX)?;
        Ok(argument)
    }

    /// The value itself.
    pub(crate) fn into_value(self) -> Dynamic {
        self.value
    }

    /// A copy for a script that may change it.
    pub(super) fn copied(&self) -> Fallible<Dynamic> {
        gate::reserve(self.bytes)?;
        gate::spend(self.values)?;
        Ok(self.value.clone())
    }

    /// `value` with all in it, each with a place of its own.
    fn detached(&mut self, what: &str, value: Dynamic, levels_left: usize) -> Fallible<Dynamic> {
        gate::spend(1)?;
        self.values += 1;
        self.bytes += BYTES_PER_VALUE;
        let value = value.flatten();
        if value.is_array() || value.is_map() {
            let Some(levels_left) = levels_left.checked_sub(1) else {
                let most = json::DEPTH_MAX;
                return Err(fail(format!("{what} at most {most} levels of arrays and maps")));
            };
            return self.detached_all(what, value, levels_left);
        }
        if let Ok(blob) = value.as_blob_ref() {
            self.bytes += blob.len();
        } else if !is_plain(&value) {
            return Err(fail(format!(
                "{what} text, numbers, blobs, arrays, maps and responses, not {}",
                type_name(&value)
            )));
        }
        Ok(value)
    }

    fn detached_all(&mut self, what: &str, value: Dynamic, levels_left: usize) -> Fallible<Dynamic> {
        let tag = value.tag();
        let mut whole = match value.try_cast_result::<Array>() {
            Ok(mut array) => {
                for item in &mut array {
                    *item = self.detached(what, item.take(), levels_left)?;
                }
                Dynamic::from_array(array)
            }
            Err(value) => {
                let mut map = value.try_cast::<Map>().unwrap_or_default();
                for item in map.values_mut() {
                    *item = self.detached(what, item.take(), levels_left)?;
                }
                Dynamic::from_map(map)
            }
        };
        whole.set_tag(tag);
        Ok(whole)
    }
}

/// Whether a value is one of data, and holds no other.
fn is_plain(value: &Dynamic) -> bool {
    value.is_unit()
        || value.is_bool()
        || value.is_int()
        || value.is_float()
        || value.is_char()
        || value.is::<ImmutableString>()
        || value.is::<Blob>()
        || value.is::<Response>()
}
