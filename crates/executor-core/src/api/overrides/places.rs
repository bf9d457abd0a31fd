//! Places in strings, counted in characters. Rhai copies the string as an array of characters, at four bytes
//! each, to find one; these only look.

use std::ops::Range;

use rhai::{Module, export_module, exported_module};

/// The functions as scripts see them.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

/// The place in bytes of the character `start`, which counts from the end if it is negative. A place before the
/// start is the start, one behind the end is none.
fn place(text: &str, start: i64) -> Option<usize> {
    if start >= 0 {
        let start = usize::try_from(start).ok()?;
        return text.char_indices().nth(start).map(|(place, _)| place);
    }
    let from_end = usize::try_from(start.unsigned_abs() - 1).ok();
    let found = from_end.and_then(|from_end| text.char_indices().rev().nth(from_end));
    Some(found.map_or(0, |(place, _)| place))
}

/// The part of `length` characters from the character `start` on, in bytes.
fn part(text: &str, start: i64, length: i64) -> Range<usize> {
    let Some(from) = place(text, start).filter(|_| length > 0) else {
        return 0..0;
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let to = text[from..]
        .char_indices()
        .nth(length)
        .map_or(text.len(), |(place, _)| from + place);
    from..to
}

/// The number of the character at a place in bytes.
fn number(text: &str, place: usize) -> i64 {
    i64::try_from(text[..place].chars().count()).unwrap_or(i64::MAX)
}

#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use std::ops::{Range, RangeInclusive};

    use rhai::ImmutableString;

    use super::{number, part, place};
    use crate::api::argument::{Fallible, spend_bytes};

    /// The part of the string from the character `start` on, `len` characters long.
    #[rhai_fn(return_raw)]
    fn sub_string(string: &str, start: i64, len: i64) -> Fallible<ImmutableString> {
        spend_bytes(string.len())?;
        Ok(string[part(string, start, len)].into())
    }

    /// The part of the string from the character `start` on.
    #[rhai_fn(name = "sub_string", return_raw)]
    fn sub_string_from(string: &str, start: i64) -> Fallible<ImmutableString> {
        sub_string(string, start, i64::MAX)
    }

    /// The part of the string that a range of characters is.
    #[rhai_fn(name = "sub_string", return_raw)]
    fn sub_string_range(string: &str, range: Range<i64>) -> Fallible<ImmutableString> {
        let start = range.start.max(0);
        sub_string(string, start, range.end.saturating_sub(start))
    }

    /// The part of the string that a range of characters is.
    #[rhai_fn(name = "sub_string", return_raw)]
    fn sub_string_range_inclusive(string: &str, range: RangeInclusive<i64>) -> Fallible<ImmutableString> {
        let start = (*range.start()).max(0);
        let len = (*range.end()).max(start).saturating_sub(start).saturating_add(1);
        sub_string(string, start, len)
    }

    /// Removes all but the part from the character `start` on, `len` characters long.
    #[rhai_fn(return_raw)]
    fn crop(string: &mut ImmutableString, start: i64, len: i64) -> Fallible<()> {
        *string = sub_string(string, start, len)?;
        Ok(())
    }

    /// Removes all before the character `start`.
    #[rhai_fn(name = "crop", return_raw)]
    fn crop_from(string: &mut ImmutableString, start: i64) -> Fallible<()> {
        crop(string, start, i64::MAX)
    }

    /// Removes all but a range of characters.
    #[rhai_fn(name = "crop", return_raw)]
    fn crop_range(string: &mut ImmutableString, range: Range<i64>) -> Fallible<()> {
        *string = sub_string_range(string, range)?;
        Ok(())
    }

    /// Removes all but a range of characters.
    #[rhai_fn(name = "crop", return_raw)]
    fn crop_range_inclusive(string: &mut ImmutableString, range: RangeInclusive<i64>) -> Fallible<()> {
        *string = sub_string_range_inclusive(string, range)?;
        Ok(())
    }

    /// Where a string stands in the string, from the character `start` on; -1 if nowhere.
    #[rhai_fn(name = "index_of", return_raw)]
    fn index_of_from(string: &str, find_string: &str, start: i64) -> Fallible<i64> {
        spend_bytes(string.len())?;
        let from = place(string, start).filter(|_| !string.is_empty());
        let found = from.and_then(|from| Some(from + string[from..].find(find_string)?));
        Ok(found.map_or(-1, |found| number(string, found)))
    }

    /// Where a character stands in the string, from the character `start` on; -1 if nowhere.
    #[rhai_fn(name = "index_of", return_raw)]
    fn index_of_char_from(string: &str, character: char, start: i64) -> Fallible<i64> {
        index_of_from(string, character.encode_utf8(&mut [0; 4]), start)
    }
}
