//! Arrays, and functions that are called for each of their items.

use std::mem;

use rhai::{Array, Dynamic, Module, export_module, exported_module};

use crate::{
    api::{
        argument::{Fallible, spend_bytes},
        callback::{Callback, named},
    },
    gate,
};

/// The functions as scripts see them.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

/// Whether the callback says yes; all that is no boolean is no.
fn says_yes(callback: &mut Callback<'_>, item: &mut Dynamic, index: usize) -> Fallible<bool> {
    Ok(callback.call(item, index, [])?.as_bool().unwrap_or(false))
}

/// The index of the first item from `start` on for which the callback says yes.
fn place(array: &mut Array, callback: &mut Callback<'_>, start: i64) -> Fallible<Option<usize>> {
    let start = offset(array, start);
    for (index, item) in array.iter_mut().enumerate().skip(start) {
        if says_yes(callback, item, index)? {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// The index that `start` means: it counts from the end if it is negative.
fn offset(array: &Array, start: i64) -> usize {
    let distance = usize::try_from(start.unsigned_abs()).unwrap_or(usize::MAX);
    if start < 0 {
        array.len().saturating_sub(distance)
    } else {
        distance
    }
}

/// Whether an item is this text, as `==` has it: a character is the text of it alone.
fn is_text(item: &Dynamic, text: &str) -> Fallible<bool> {
    gate::spend(1)?;
    if let Ok(item) = item.as_immutable_string_ref() {
        if item.len() != text.len() {
            return Ok(false);
        }
        spend_bytes(text.len())?;
        return Ok(item.as_str() == text);
    }
    let character = item.as_char();
    Ok(character.is_ok_and(|character| *character.encode_utf8(&mut [0; 4]) == *text))
}

/// Takes the items out for which the callback gives `taken`. After an error, those that it was not asked about stay.
fn take_out(array: &mut Array, callback: &mut Callback<'_>, taken: bool) -> Fallible<Array> {
    let (mut kept, mut out) = (Array::new(), Array::new());
    let mut items = mem::take(array).into_iter();
    let mut result = Ok(());
    for index in 0.. {
        let Some(mut item) = items.next() else { break };
        match says_yes(callback, &mut item, index) {
            Ok(answer) if answer == taken => out.push(item),
            Ok(_) => kept.push(item),
            Err(error) => {
                kept.push(item);
                result = Err(error);
                break;
            }
        }
    }
    kept.extend(items);
    *array = kept;
    result.map(|()| out)
}

#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use rhai::{Array, Dynamic, FnPtr, NativeCallContext};

    use super::{Callback, is_text, named, offset, place, says_yes, take_out};
    use crate::api::argument::Fallible;

    /// Calls a function for each item, which is its `this`.
    #[rhai_fn(return_raw)]
    fn for_each(ctx: NativeCallContext, array: &mut Array, map: FnPtr) -> Fallible<()> {
        let mut callback = Callback::new("for_each", &ctx, &map);
        for (index, item) in array.iter_mut().enumerate() {
            drop(callback.call_on(item, index)?);
        }
        Ok(())
    }

    /// What a function gives for each item, as a new array.
    #[rhai_fn(return_raw, pure)]
    fn map(ctx: NativeCallContext, array: &mut Array, map: FnPtr) -> Fallible<Array> {
        let mut callback = Callback::new("map", &ctx, &map);
        let mut mapped = Array::with_capacity(array.len());
        for (index, item) in array.iter_mut().enumerate() {
            mapped.push(callback.call(item, index, [])?);
        }
        Ok(mapped)
    }

    /// The items for which a function gives `true`, as a new array.
    #[rhai_fn(return_raw, pure)]
    fn filter(ctx: NativeCallContext, array: &mut Array, filter: FnPtr) -> Fallible<Array> {
        let mut callback = Callback::new("filter", &ctx, &filter);
        let mut filtered = Array::new();
        for (index, item) in array.iter_mut().enumerate() {
            if says_yes(&mut callback, item, index)? {
                filtered.push(item.clone());
            }
        }
        Ok(filtered)
    }

    /// The index of the first item for which a function gives `true`; -1 if there is none.
    #[rhai_fn(name = "index_of", return_raw, pure)]
    fn index_of_filter(ctx: NativeCallContext, array: &mut Array, filter: FnPtr) -> Fallible<i64> {
        index_of_filter_starting_from(ctx, array, filter, 0)
    }

    /// The index of the first item from `start` on for which a function gives `true`; -1 if there is none.
    #[rhai_fn(name = "index_of", return_raw, pure)]
    fn index_of_filter_starting_from(
        ctx: NativeCallContext,
        array: &mut Array,
        filter: FnPtr,
        start: i64,
    ) -> Fallible<i64> {
        let found = place(array, &mut Callback::new("index_of", &ctx, &filter), start)?;
        Ok(found.map_or(-1, |index| i64::try_from(index).unwrap_or(i64::MAX)))
    }

    // A text is what is looked for. Rhai would call a function of that name, and whoever chooses the text chooses which.

    /// The index of the first item that is the text; -1 if there is none.
    #[rhai_fn(name = "index_of", return_raw, pure)]
    fn index_of_text(array: &mut Array, text: &str) -> Fallible<i64> {
        index_of_text_starting_from(array, text, 0)
    }

    /// The index of the first item from `start` on that is the text; -1 if there is none.
    #[rhai_fn(name = "index_of", return_raw, pure)]
    fn index_of_text_starting_from(array: &mut Array, text: &str, start: i64) -> Fallible<i64> {
        let start = offset(array, start);
        for (index, item) in array.iter().enumerate().skip(start) {
            if is_text(item, text)? {
                return Ok(i64::try_from(index).unwrap_or(i64::MAX));
            }
        }
        Ok(-1)
    }

    /// The first item for which a function gives `true`; `()` if there is none.
    #[rhai_fn(return_raw, pure)]
    fn find(ctx: NativeCallContext, array: &mut Array, filter: FnPtr) -> Fallible<Dynamic> {
        find_starting_from(ctx, array, filter, 0)
    }

    /// The first item from `start` on for which a function gives `true`; `()` if there is none.
    #[rhai_fn(name = "find", return_raw, pure)]
    fn find_starting_from(
        ctx: NativeCallContext,
        array: &mut Array,
        filter: FnPtr,
        start: i64,
    ) -> Fallible<Dynamic> {
        let found = place(array, &mut Callback::new("index_of", &ctx, &filter), start)?;
        Ok(found.map_or(Dynamic::UNIT, |index| array[index].clone()))
    }

    /// The first value but `()` that a function gives for an item; `()` if there is none.
    #[rhai_fn(return_raw, pure)]
    fn find_map(ctx: NativeCallContext, array: &mut Array, filter: FnPtr) -> Fallible<Dynamic> {
        find_map_starting_from(ctx, array, filter, 0)
    }

    /// The first value but `()` that a function gives for an item from `start` on; `()` if there is none.
    #[rhai_fn(name = "find_map", return_raw, pure)]
    fn find_map_starting_from(
        ctx: NativeCallContext,
        array: &mut Array,
        filter: FnPtr,
        start: i64,
    ) -> Fallible<Dynamic> {
        let mut callback = Callback::new("find_map", &ctx, &filter);
        let start = offset(array, start);
        for (index, item) in array.iter_mut().enumerate().skip(start) {
            let value = callback.call(item, index, [])?;
            if !value.is_unit() {
                return Ok(value);
            }
        }
        Ok(Dynamic::UNIT)
    }

    /// Whether a function gives `true` for one item at least.
    #[rhai_fn(return_raw, pure)]
    fn some(ctx: NativeCallContext, array: &mut Array, filter: FnPtr) -> Fallible<bool> {
        let found = place(array, &mut Callback::new("some", &ctx, &filter), 0)?;
        Ok(found.is_some())
    }

    /// Whether a function gives `true` for all items.
    #[rhai_fn(return_raw, pure)]
    fn all(ctx: NativeCallContext, array: &mut Array, filter: FnPtr) -> Fallible<bool> {
        let mut callback = Callback::new("all", &ctx, &filter);
        for (index, item) in array.iter_mut().enumerate() {
            if !says_yes(&mut callback, item, index)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What a function makes of the items one by one, from `()` on: it gets what it gave last, and the item.
    #[rhai_fn(return_raw, pure)]
    fn reduce(ctx: NativeCallContext, array: &mut Array, reducer: FnPtr) -> Fallible<Dynamic> {
        reduce_with_initial(ctx, array, reducer, Dynamic::UNIT)
    }

    /// What a function makes of the items one by one, from `initial` on: it gets what it gave last, and the item.
    #[rhai_fn(name = "reduce", return_raw, pure)]
    fn reduce_with_initial(
        ctx: NativeCallContext,
        array: &mut Array,
        reducer: FnPtr,
        initial: Dynamic,
    ) -> Fallible<Dynamic> {
        let mut callback = Callback::new("reduce", &ctx, &reducer);
        let mut items = array.iter_mut().enumerate();
        items.try_fold(initial, |result, (index, item)| {
            callback.call(item, index, [result])
        })
    }

    /// What a function makes of the items one by one, the last one first, from `()` on.
    #[rhai_fn(return_raw, pure)]
    fn reduce_rev(ctx: NativeCallContext, array: &mut Array, reducer: FnPtr) -> Fallible<Dynamic> {
        reduce_rev_with_initial(ctx, array, reducer, Dynamic::UNIT)
    }

    /// What a function makes of the items one by one, the last one first, from `initial` on.
    #[rhai_fn(name = "reduce_rev", return_raw, pure)]
    fn reduce_rev_with_initial(
        ctx: NativeCallContext,
        array: &mut Array,
        reducer: FnPtr,
        initial: Dynamic,
    ) -> Fallible<Dynamic> {
        let mut callback = Callback::new("reduce_rev", &ctx, &reducer);
        let mut items = array.iter_mut().enumerate().rev();
        items.try_fold(initial, |result, (index, item)| {
            callback.call(item, index, [result])
        })
    }

    /// Takes the items out for which a function gives `true`, and gives them.
    #[rhai_fn(return_raw)]
    fn drain(ctx: NativeCallContext, array: &mut Array, filter: FnPtr) -> Fallible<Array> {
        take_out(array, &mut Callback::new("drain", &ctx, &filter), true)
    }

    /// Takes the items out for which a function does not give `true`, and gives them.
    #[rhai_fn(return_raw)]
    fn retain(ctx: NativeCallContext, array: &mut Array, filter: FnPtr) -> Fallible<Array> {
        take_out(array, &mut Callback::new("retain", &ctx, &filter), false)
    }

    // By the name of a function, which is one of the script that says it: Rhai would take one from anywhere.

    /// What the function of that name gives for each item, as a new array.
    #[rhai_fn(name = "map", return_raw, pure)]
    fn map_by_fn_name(ctx: NativeCallContext, array: &mut Array, mapper: &str) -> Fallible<Array> {
        let mapper = named(&ctx, mapper)?;
        map(ctx, array, mapper)
    }

    /// The items for which the function of that name gives `true`, as a new array.
    #[rhai_fn(name = "filter", return_raw, pure)]
    fn filter_by_fn_name(ctx: NativeCallContext, array: &mut Array, filter_func: &str) -> Fallible<Array> {
        let filter_func = named(&ctx, filter_func)?;
        filter(ctx, array, filter_func)
    }

    /// Whether the function of that name gives `true` for one item at least.
    #[rhai_fn(name = "some", return_raw, pure)]
    fn some_by_fn_name(ctx: NativeCallContext, array: &mut Array, filter: &str) -> Fallible<bool> {
        let filter = named(&ctx, filter)?;
        some(ctx, array, filter)
    }

    /// Whether the function of that name gives `true` for all items.
    #[rhai_fn(name = "all", return_raw, pure)]
    fn all_by_fn_name(ctx: NativeCallContext, array: &mut Array, filter: &str) -> Fallible<bool> {
        let filter = named(&ctx, filter)?;
        all(ctx, array, filter)
    }

    /// What the function of that name makes of the items one by one, from `()` on.
    #[rhai_fn(name = "reduce", return_raw, pure)]
    fn reduce_by_fn_name(ctx: NativeCallContext, array: &mut Array, reducer: &str) -> Fallible<Dynamic> {
        let reducer = named(&ctx, reducer)?;
        reduce(ctx, array, reducer)
    }

    /// What the function of that name makes of the items one by one, from `initial` on.
    #[rhai_fn(name = "reduce", return_raw, pure)]
    fn reduce_by_fn_name_with_initial(
        ctx: NativeCallContext,
        array: &mut Array,
        reducer: &str,
        initial: Dynamic,
    ) -> Fallible<Dynamic> {
        let reducer = named(&ctx, reducer)?;
        reduce_with_initial(ctx, array, reducer, initial)
    }

    /// What the function of that name makes of the items one by one, the last one first, from `()` on.
    #[rhai_fn(name = "reduce_rev", return_raw, pure)]
    fn reduce_rev_by_fn_name(ctx: NativeCallContext, array: &mut Array, reducer: &str) -> Fallible<Dynamic> {
        let reducer = named(&ctx, reducer)?;
        reduce_rev(ctx, array, reducer)
    }

    /// What the function of that name makes of the items one by one, the last one first, from `initial` on.
    #[rhai_fn(name = "reduce_rev", return_raw, pure)]
    fn reduce_rev_by_fn_name_with_initial(
        ctx: NativeCallContext,
        array: &mut Array,
        reducer: &str,
        initial: Dynamic,
    ) -> Fallible<Dynamic> {
        let reducer = named(&ctx, reducer)?;
        reduce_rev_with_initial(ctx, array, reducer, initial)
    }

    /// Takes the items out for which the function of that name gives `true`, and gives them.
    #[rhai_fn(name = "drain", return_raw)]
    fn drain_by_fn_name(ctx: NativeCallContext, array: &mut Array, filter: &str) -> Fallible<Array> {
        let filter = named(&ctx, filter)?;
        drain(ctx, array, filter)
    }

    /// Takes the items out for which the function of that name does not give `true`, and gives them.
    #[rhai_fn(name = "retain", return_raw)]
    fn retain_by_fn_name(ctx: NativeCallContext, array: &mut Array, filter: &str) -> Fallible<Array> {
        let filter = named(&ctx, filter)?;
        retain(ctx, array, filter)
    }
}
