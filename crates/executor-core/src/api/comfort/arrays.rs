//! Arrays.

use rhai::{Array, Dynamic, Module, export_module, exported_module};

use crate::{
    api::argument::{Fallible, fail, type_name},
    gate,
};

/// The functions as scripts see them.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

/// A number of either kind.
#[derive(Clone, Copy)]
enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    fn of(function: &str, value: &Dynamic) -> Fallible<Self> {
        if let Ok(int) = value.as_int() {
            return Ok(Self::Int(int));
        }
        let float = value.as_float().map(Self::Float);
        float.map_err(|_| {
            fail(format!(
                "{function}: the array holds {}, not only numbers",
                type_name(value)
            ))
        })
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "what adding an integer to a float does everywhere"
    )]
    fn as_float(self) -> f64 {
        match self {
            Self::Int(int) => int as f64,
            Self::Float(float) => float,
        }
    }

    fn plus(self, other: Self) -> Fallible<Self> {
        if let (Self::Int(left), Self::Int(right)) = (self, other) {
            let sum = left.checked_add(right);
            return sum
                .map(Self::Int)
                .ok_or_else(|| fail("sum: the sum does not fit into 64 bits"));
        }
        Ok(Self::Float(self.as_float() + other.as_float()))
    }

    fn into_dynamic(self) -> Dynamic {
        match self {
            Self::Int(int) => int.into(),
            Self::Float(float) => float.into(),
        }
    }

    fn is_less(self, other: Self) -> bool {
        match (self, other) {
            (Self::Int(left), Self::Int(right)) => left < right,
            _ => self.as_float() < other.as_float(),
        }
    }
}

/// The number that no other one `beats`.
fn best(function: &str, array: &Array, beats: fn(Number, Number) -> bool) -> Fallible<Dynamic> {
    let mut best = None;
    for (index, item) in array.iter().enumerate() {
        if index % 64 == 63 {
            gate::spend(16)?;
        }
        let number = Number::of(function, item)?;
        if best.is_none_or(|best| beats(number, best)) {
            best = Some(number);
        }
    }
    Ok(best.map_or(Dynamic::UNIT, Number::into_dynamic))
}

#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use std::collections::HashSet;

    use rhai::{Array, Dynamic, NativeCallContext};

    use super::{Number, best};
    use crate::{
        api::{
            argument::Fallible,
            bounded::{BoundedArray, BoundedText},
            overrides::append_display,
        },
        gate, json,
    };

    /// The sum of an array of numbers; 0 if it is empty. One float makes the sum a float.
    ///
    /// ```rhai
    /// [1, 2, 3].sum()   //=> 6
    /// [1, 0.5].sum()    //=> 1.5
    /// ["1"].sum()       //=> error: not only numbers
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn sum(array: &mut Array) -> Fallible<Dynamic> {
        let mut sum = Number::Int(0);
        for (index, item) in array.iter().enumerate() {
            if index % 64 == 63 {
                gate::spend(16)?;
            }
            sum = sum.plus(Number::of("sum", item)?)?;
        }
        Ok(sum.into_dynamic())
    }

    /// The smallest of an array of numbers; `()` if it is empty.
    ///
    /// ```rhai
    /// [3, 1, 2].min()  //=> 1
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn min(array: &mut Array) -> Fallible<Dynamic> {
        best("min", array, Number::is_less)
    }

    /// The largest of an array of numbers; `()` if it is empty.
    ///
    /// ```rhai
    /// [3, 1, 2.5].max()  //=> 3
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn max(array: &mut Array) -> Fallible<Dynamic> {
        best("max", array, |number, best| best.is_less(number))
    }

    /// The items of the array without those that came before, in order, as a new array. Items are the same if
    /// their JSON is.
    ///
    /// ```rhai
    /// [2, 1, 2, "2", [1], [1]].unique()  //=> [2, 1, "2", [1]]
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn unique(array: &mut Array) -> Fallible<Array> {
        let mut seen = HashSet::new();
        let mut unique = BoundedArray::default();
        for item in array.iter() {
            let mut key = Vec::new();
            json::write(item, &mut key, usize::MAX)?;
            if seen.insert(key) {
                unique.push(item.clone())?;
            } else {
                gate::spend(1)?;
            }
        }
        Ok(unique.finish())
    }

    /// The items of the array in reverse order, as a new array. (Rhai's `reverse` changes the array itself and
    /// gives `()`.)
    ///
    /// ```rhai
    /// [1, 2, 3].reversed()  //=> [3, 2, 1]
    /// ```
    fn reversed(array: Array) -> Array {
        let mut reversed = array;
        reversed.reverse();
        reversed
    }

    /// The items of the array as text, one after the other with `separator` between them. Strings stand as they
    /// are, everything else as `to_string` has it.
    ///
    /// ```rhai
    /// ["a", 1, true].join(", ")  //=> "a, 1, true"
    /// [].join(",")               //=> ""
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn join(ctx: NativeCallContext, array: &mut Array, separator: &str) -> Fallible<String> {
        let mut joined = BoundedText::default();
        for (index, item) in array.iter().enumerate() {
            if index > 0 {
                joined.push(separator)?;
            }
            append_display(&mut joined, &ctx, item)?;
        }
        Ok(joined.finish())
    }
}
