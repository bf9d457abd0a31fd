//! Arrays, and JSON by Rhai's own names.

use rhai::{Array, Dynamic, Module, export_module, exported_module};

use crate::api::argument::Fallible;

/// The functions as scripts see them.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

fn dedup_with(
    array: &mut Array,
    mut is_same: impl FnMut(&mut Dynamic, &mut Dynamic) -> Fallible<Dynamic>,
) -> Fallible<()> {
    let mut kept = Array::new();
    for item in array.iter() {
        if let Some(last) = kept.last() {
            let (mut last, mut next) = (Dynamic::clone(last), item.clone());
            if is_same(&mut last, &mut next)?.as_bool().unwrap_or(false) {
                continue;
            }
        }
        kept.push(item.clone());
    }
    *array = kept;
    Ok(())
}

#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use std::mem;

    use rhai::{Array, Dynamic, FnPtr, Map, NativeCallContext};

    use super::dedup_with;
    use crate::{
        allocator,
        api::{
            argument::Fallible,
            callback::{Callback, named},
        },
        gate, json,
    };

    /// Makes the array at least `len` items long by adding copies of an item at its end.
    #[rhai_fn(return_raw)]
    fn pad(array: &mut Array, len: i64, item: Dynamic) -> Fallible<()> {
        let missing = usize::try_from(len).unwrap_or(0).saturating_sub(array.len());
        if missing == 0 {
            return Ok(());
        }
        // What a copy takes is seen by making one.
        let before = allocator::bytes();
        let copy = item.clone();
        let heap_bytes = usize::try_from(allocator::bytes() - before).unwrap_or(0);
        gate::reserve(missing.saturating_mul(size_of::<Dynamic>() + heap_bytes))?;
        gate::spend(missing as u64 / 8)?;
        drop(copy);
        array.resize(array.len() + missing, item);
        Ok(())
    }

    /// Removes the items that are equal to the one before them.
    #[rhai_fn(return_raw)]
    fn dedup(ctx: NativeCallContext, array: &mut Array) -> Fallible<()> {
        dedup_with(array, |left, right| {
            ctx.call_native_fn_raw("==", true, &mut [left, right])
        })
    }

    /// Removes the items for which the function says that they are the same as the one before them.
    #[rhai_fn(name = "dedup", return_raw)]
    fn dedup_by_comparer(ctx: NativeCallContext, array: &mut Array, comparer: FnPtr) -> Fallible<()> {
        let mut comparer = Callback::new("dedup", &ctx, &comparer);
        dedup_with(array, |left, right| {
            comparer.call_plainly([mem::take(left), mem::take(right)])
        })
    }

    /// Removes the items for which the function of that name says that they are the same as the one before them.
    #[rhai_fn(name = "dedup", return_raw)]
    fn dedup_by_fn_name(ctx: NativeCallContext, array: &mut Array, comparer: &str) -> Fallible<()> {
        let comparer = named(&ctx, comparer)?;
        dedup_by_comparer(ctx, array, comparer)
    }

    /// Reads JSON; the same as `json::parse`.
    #[rhai_fn(return_raw)]
    fn parse_json(json: &str) -> Fallible<Dynamic> {
        Ok(json::parse_text(json)?)
    }

    /// Writes the map as JSON; the same as `json::stringify`.
    #[rhai_fn(return_raw)]
    fn to_json(map: Map) -> Fallible<String> {
        crate::api::json::compact(&map.into())
    }

    /// Writes any value as JSON; the same as `json::stringify`.
    ///
    /// ```rhai
    /// [1, "a", ()].to_json()  //=> `[1,"a",null]`
    /// "text".to_json()        //=> `"text"`
    /// (|x| x).to_json()       //=> error: cannot be written as JSON
    /// ```
    #[rhai_fn(name = "to_json", return_raw, pure)]
    fn any_to_json(value: &mut Dynamic) -> Fallible<String> {
        crate::api::json::compact(value)
    }
}
