//! `random::…`

use rhai::{Module, export_module, exported_module};

use super::{
    argument::{Fallible, fail, spend_bytes},
    chance,
};
use crate::gate;

/// The module as scripts see it.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

/// Most bytes, or characters, that one call gives.
const LENGTH_MAX: i64 = 1_024 * 1_024;

/// The letters of a token: 6 bits each.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn index_below(end: usize) -> Fallible<usize> {
    let index = chance::below(end as u64)?;
    Ok(usize::try_from(index).unwrap_or_default())
}

fn length_of(function: &str, length: i64) -> Fallible<usize> {
    if !(0..=LENGTH_MAX).contains(&length) {
        return Err(fail(format!(
            "{function}: the length must be from 0 to {LENGTH_MAX}, not {length}"
        )));
    }
    let length = usize::try_from(length).unwrap_or_default();
    gate::reserve(length)?;
    spend_bytes(length)?;
    Ok(length)
}

/// Chance from the operating system's generator, good enough for secrets.
#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use rhai::{Array, Blob, Dynamic, NativeCallContext};

    use super::{LETTERS, index_below, length_of};
    use crate::{
        api::{
            argument::{Fallible, fail},
            chance,
        },
        error::at_call,
        gate,
    };

    /// A whole number from `low` to `high`, both included. It is an error if `low` is above `high`.
    ///
    /// ```rhai
    /// random::int(7, 7)              //=> 7
    /// random::int(1, 6) in 1..=6     //=> true
    /// random::int(6, 1)              //=> error: above
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn int(ctx: NativeCallContext, low: i64, high: i64) -> Fallible<i64> {
        at_call(&ctx, || {
            if low > high {
                return Err(fail(format!("random::int: {low} is above {high}")));
            }
            let span = high.abs_diff(low).wrapping_add(1);
            Ok(low.wrapping_add_unsigned(chance::below(span)?))
        })
    }

    /// A number from 0 up to, and without, 1.
    ///
    /// ```rhai
    /// let number = random::float();
    /// number >= 0.0 && number < 1.0  //=> true
    /// ```
    #[rhai_fn(return_raw, volatile)]
    #[expect(
        clippy::cast_precision_loss,
        reason = "53 bits are what a float holds exactly"
    )]
    fn float() -> Fallible<f64> {
        const BITS: u32 = 53;
        Ok((chance::number()? >> (u64::BITS - BITS)) as f64 / (1_u64 << BITS) as f64)
    }

    /// A blob of `length` random bytes, at most 1 MiB.
    ///
    /// ```rhai
    /// random::bytes(16).len  //=> 16
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn bytes(ctx: NativeCallContext, length: i64) -> Fallible<Blob> {
        at_call(&ctx, || {
            let mut bytes = vec![0; length_of("random::bytes", length)?];
            chance::fill(&mut bytes)?;
            Ok(bytes)
        })
    }

    /// Random text of `length` letters, digits, `-` and `_`, for keys and links. Each character holds 6 bits; 22
    /// of them cannot be guessed.
    ///
    /// ```rhai
    /// random::token(22).len                                 //=> 22
    /// regex::is_match(`^[A-Za-z0-9_-]{5}$`, random::token(5))  //=> true
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn token(ctx: NativeCallContext, length: i64) -> Fallible<String> {
        at_call(&ctx, || {
            let mut bytes = vec![0; length_of("random::token", length)?];
            chance::fill(&mut bytes)?;
            Ok(bytes
                .iter()
                .map(|byte| char::from(LETTERS[usize::from(byte % 64)]))
                .collect())
        })
    }

    /// One item of an array, each as likely as the others; `()` if the array is empty.
    ///
    /// ```rhai
    /// random::choose(["a"])           //=> "a"
    /// random::choose([1, 2, 3]) in [1, 2, 3]  //=> true
    /// random::choose([])              //=> ()
    /// ```
    #[rhai_fn(return_raw, volatile, pure)]
    fn choose(ctx: NativeCallContext, array: &mut Array) -> Fallible<Dynamic> {
        at_call(&ctx, || {
            if array.is_empty() {
                return Ok(Dynamic::UNIT);
            }
            Ok(array[index_below(array.len())?].clone())
        })
    }

    /// The items of an array in random order, as a new array.
    ///
    /// ```rhai
    /// let cards = [1, 2, 3];
    /// random::shuffle(cards).order()  //=> [1, 2, 3]
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn shuffle(ctx: NativeCallContext, array: Array) -> Fallible<Array> {
        at_call(&ctx, || {
            let mut shuffled = array;
            for end in (2..=shuffled.len()).rev() {
                if end % 64 == 0 {
                    gate::spend(32)?;
                }
                shuffled.swap(end - 1, index_below(end)?);
            }
            Ok(shuffled)
        })
    }
}
