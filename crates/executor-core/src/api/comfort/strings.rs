//! Strings.

use rhai::{Module, export_module, exported_module};

/// The functions as scripts see them.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

#[export_module(export_all)]
mod functions {
    use rhai::{Array, ImmutableString};

    use crate::{
        api::{
            argument::{Fallible, fail, spend_bytes},
            bounded::BoundedArray,
        },
        gate,
    };

    /// The string without white space at both ends. (Rhai's `trim` changes the string itself and gives `()`.)
    ///
    /// ```rhai
    /// "  Ada \n".trimmed()  //=> "Ada"
    /// ```
    #[rhai_fn(return_raw)]
    fn trimmed(text: ImmutableString) -> Fallible<ImmutableString> {
        spend_bytes(text.len())?;
        let trimmed = text.trim();
        Ok(if trimmed.len() == text.len() {
            text
        } else {
            trimmed.into()
        })
    }

    /// The string with every occurrence of `find` replaced. (Rhai's `replace` changes the string itself and gives
    /// `()`.)
    ///
    /// ```rhai
    /// "a-b-c".replaced("-", " + ")  //=> "a + b + c"
    /// ```
    #[rhai_fn(return_raw)]
    fn replaced(text: &str, find: &str, replacement: &str) -> Fallible<String> {
        crate::api::overrides::replaced(text, find, replacement)
    }

    /// The string `count` times in a row.
    ///
    /// ```rhai
    /// "ab".repeated(3)  //=> "ababab"
    /// ```
    #[rhai_fn(return_raw)]
    fn repeated(text: &str, count: i64) -> Fallible<String> {
        let count = usize::try_from(count).map_err(|_| fail(format!("repeated: the count is {count}")))?;
        let length = text.len().saturating_mul(count);
        gate::reserve(length)?;
        spend_bytes(length)?;
        Ok(text.repeat(count))
    }

    /// The string without `prefix` at its start; the same string if it does not start so.
    ///
    /// ```rhai
    /// "Bearer abc".without_prefix("Bearer ")  //=> "abc"
    /// "abc".without_prefix("Bearer ")         //=> "abc"
    /// ```
    fn without_prefix(text: ImmutableString, prefix: &str) -> ImmutableString {
        match text.strip_prefix(prefix) {
            Some(rest) if !prefix.is_empty() => rest.into(),
            _ => text,
        }
    }

    /// The string without `suffix` at its end; the same string if it does not end so.
    ///
    /// ```rhai
    /// "report.csv".without_suffix(".csv")  //=> "report"
    /// ```
    fn without_suffix(text: ImmutableString, suffix: &str) -> ImmutableString {
        match text.strip_suffix(suffix) {
            Some(rest) if !suffix.is_empty() => rest.into(),
            _ => text,
        }
    }

    /// The lines of the string, without their ends (`\n` or `\r\n`), as an array.
    ///
    /// ```rhai
    /// "a\r\nb\n\nc".lines()  //=> ["a", "b", "", "c"]
    /// ```
    #[rhai_fn(return_raw)]
    fn lines(text: &str) -> Fallible<Array> {
        let mut lines = BoundedArray::default();
        text.lines().try_for_each(|line| lines.push_text(line))?;
        Ok(lines.finish())
    }
}
