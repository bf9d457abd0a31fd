//! Numbers.

use rhai::{Module, export_module, exported_module};

/// The functions as scripts see them.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

#[export_module(export_all)]
mod functions {
    use crate::api::argument::{Fallible, fail};

    /// Most digits after the point.
    const DIGITS_MAX: i64 = 17;

    /// The number as text with `digits` digits after the point, 0 to 17, rounded.
    ///
    /// ```rhai
    /// 2.5.to_fixed(2)    //=> "2.50"
    /// 1e3.to_fixed(0)    //=> "1000"
    /// ```
    #[rhai_fn(return_raw)]
    fn to_fixed(number: f64, digits: i64) -> Fallible<String> {
        let digits = usize::try_from(digits).ok().filter(|_| digits <= DIGITS_MAX);
        let digits =
            digits.ok_or_else(|| fail(format!("to_fixed: digits must be from 0 to {DIGITS_MAX}")))?;
        Ok(format!("{number:.digits$}"))
    }

    /// The whole number as text with `digits` zeros after the point, 0 to 17.
    ///
    /// ```rhai
    /// 3.to_fixed(2)  //=> "3.00"
    /// ```
    #[rhai_fn(name = "to_fixed", return_raw)]
    fn int_to_fixed(number: i64, digits: i64) -> Fallible<String> {
        let zeros = to_fixed(0.0, digits)?;
        Ok(format!("{number}{}", &zeros[1..]))
    }
}
