//! Sorting, with a sort of our own: it counts its comparisons, ends at the first error of a comparer, bears one
//! that lies, and never needs to catch a panic, which would also catch the end of a cancelled run.

use std::cmp::Ordering;

use rhai::{Array, Dynamic, Module, export_module, exported_module};

use crate::{
    api::argument::{Fallible, fail, spend_bytes, type_name},
    gate,
};

/// The functions as scripts see them.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

/// Sorts by `is_less`, and keeps the order of items that are equal. After an error nothing has moved.
fn merge_sort(
    array: &mut Array,
    mut is_less: impl FnMut(&Dynamic, &Dynamic) -> Fallible<bool>,
) -> Fallible<()> {
    let length = array.len();
    gate::reserve(2 * length * (size_of::<usize>() + size_of::<Dynamic>()))?;
    let mut order: Vec<usize> = (0..length).collect();
    let mut merged = Vec::with_capacity(length);
    let mut run = 1;
    while run < length {
        merged.clear();
        for from in (0..length).step_by(2 * run) {
            gate::spend(run as u64 / 4 + 1)?;
            let middle = (from + run).min(length);
            let end = (middle + run).min(length);
            let (mut left, mut right) = (from, middle);
            while left < middle && right < end {
                let takes_right = is_less(&array[order[right]], &array[order[left]])?;
                let next = if takes_right { &mut right } else { &mut left };
                merged.push(order[*next]);
                *next += 1;
            }
            merged.extend_from_slice(&order[left..middle]);
            merged.extend_from_slice(&order[right..end]);
        }
        std::mem::swap(&mut order, &mut merged);
        run *= 2;
    }
    let mut items: Vec<Dynamic> = std::mem::take(array);
    array.extend(order.into_iter().map(|index| std::mem::take(&mut items[index])));
    Ok(())
}

/// Sorts items that are all of one type that has an order.
fn sort_by_nature(array: &mut Array, descending: bool) -> Fallible<()> {
    let Some(kind) = array.first().map(Dynamic::type_id) else {
        return Ok(());
    };
    if array.iter().any(|item| item.type_id() != kind) {
        return Err(fail("elements of different types cannot be sorted"));
    }
    merge_sort(array, |left, right| {
        let order = natural_order(left, right)?;
        Ok(order
            == if descending {
                Ordering::Greater
            } else {
                Ordering::Less
            })
    })
}

fn natural_order(left: &Dynamic, right: &Dynamic) -> Fallible<Ordering> {
    if let (Ok(left), Ok(right)) = (left.as_int(), right.as_int()) {
        return Ok(left.cmp(&right));
    }
    if let (Ok(left), Ok(right)) = (left.as_immutable_string_ref(), right.as_immutable_string_ref()) {
        spend_bytes(left.len().min(right.len()))?;
        return Ok(left.as_str().cmp(right.as_str()));
    }
    if let (Ok(left), Ok(right)) = (left.as_float(), right.as_float()) {
        return Ok(left.total_cmp(&right));
    }
    if let (Ok(left), Ok(right)) = (left.as_char(), right.as_char()) {
        return Ok(left.cmp(&right));
    }
    if let (Ok(left), Ok(right)) = (left.as_bool(), right.as_bool()) {
        return Ok(left.cmp(&right));
    }
    if left.is_unit() && right.is_unit() {
        return Ok(Ordering::Equal);
    }
    Err(fail(format!("elements of {} cannot be sorted", type_name(left))))
}

#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use rhai::{Array, FnPtr, NativeCallContext};

    use super::{merge_sort, sort_by_nature};
    use crate::api::{
        argument::{Fallible, fail, type_name},
        callback::{Callback, named},
    };

    /// Sorts the array by a function of two items that returns a number below, at or above zero, or whether the
    /// first one comes first.
    #[rhai_fn(name = "sort", name = "sort_by", return_raw)]
    fn sort_by(ctx: NativeCallContext, array: &mut Array, comparer: FnPtr) -> Fallible<()> {
        let mut comparer = Callback::new("sort", &ctx, &comparer);
        merge_sort(array, |left, right| {
            let order = comparer.call_plainly([left.clone(), right.clone()])?;
            if let Ok(number) = order.as_int() {
                return Ok(number < 0);
            }
            order.as_bool().map_err(|_| {
                let given = type_name(&order);
                fail(format!(
                    "a comparer must return an integer or a boolean, not {given}"
                ))
            })
        })
    }

    /// Sorts the array by the function of that name.
    #[rhai_fn(name = "sort", return_raw)]
    fn sort_by_fn_name(ctx: NativeCallContext, array: &mut Array, comparer: &str) -> Fallible<()> {
        let comparer = named(&ctx, comparer)?;
        sort_by(ctx, array, comparer)
    }

    /// Sorts the array, whose items must all be of one type that has an order.
    #[rhai_fn(return_raw)]
    fn sort(array: &mut Array) -> Fallible<()> {
        sort_by_nature(array, false)
    }

    /// Sorts the array from the largest item to the smallest.
    #[rhai_fn(return_raw)]
    fn sort_desc(array: &mut Array) -> Fallible<()> {
        sort_by_nature(array, true)
    }

    /// The items of the array sorted by a function, as a new array.
    #[rhai_fn(name = "order", name = "order_by", return_raw)]
    fn order_by(ctx: NativeCallContext, array: &mut Array, comparer: FnPtr) -> Fallible<Array> {
        let mut array = array.clone();
        sort_by(ctx, &mut array, comparer)?;
        Ok(array)
    }

    /// The items of the array sorted, as a new array.
    #[rhai_fn(return_raw)]
    fn order(array: &mut Array) -> Fallible<Array> {
        let mut array = array.clone();
        sort_by_nature(&mut array, false)?;
        Ok(array)
    }

    /// The items of the array sorted from the largest to the smallest, as a new array.
    #[rhai_fn(return_raw)]
    fn order_desc(array: &mut Array) -> Fallible<Array> {
        let mut array = array.clone();
        sort_by_nature(&mut array, true)?;
        Ok(array)
    }
}
