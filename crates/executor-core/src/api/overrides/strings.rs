//! Strings.

use rhai::{Array, Module, export_module, exported_module};

use crate::{
    api::{
        argument::{Fallible, fail, spend_bytes},
        bounded::{BoundedArray, BoundedText},
    },
    gate,
};

/// Replacing and padding.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

/// Splitting.
pub(super) fn split_module() -> Module {
    exported_module!(split_functions)
}

/// `text` with every `find` replaced.
pub(in crate::api) fn replaced(text: &str, find: &str, replacement: &str) -> Fallible<String> {
    spend_bytes(text.len())?;
    let mut count = 0_usize;
    for _ in text.matches(find) {
        count += 1;
        pay_for_match(count)?;
    }
    let length = text.len() - count * find.len() + count.saturating_mul(replacement.len());
    let mut replaced = BoundedText::with_capacity(length)?;
    spend_bytes(length)?;
    let mut rest = 0;
    for (index, (at, found)) in text.match_indices(find).enumerate() {
        pay_for_match(index)?;
        replaced.push(&text[rest..at])?;
        replaced.push(replacement)?;
        rest = at + found.len();
    }
    replaced.push(&text[rest..])?;
    Ok(replaced.finish())
}

/// Counts the work of finding the place number `count`.
fn pay_for_match(count: usize) -> Fallible<()> {
    const MATCHES_PER_QUESTION: usize = 1_024;
    const OPERATIONS_PER_QUESTION: u64 = 16;
    match count % MATCHES_PER_QUESTION {
        0 => gate::spend(OPERATIONS_PER_QUESTION),
        _ => Ok(()),
    }
}

/// The room that padding `text` to `length` characters takes, in characters; none if it is that long.
fn missing(text: &str, length: i64) -> Fallible<usize> {
    if length <= 0 {
        return Ok(0);
    }
    spend_bytes(text.len())?;
    let length = usize::try_from(length).map_err(|_| fail("pad: the length is too large"))?;
    Ok(length.saturating_sub(text.chars().count()))
}

#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use rhai::ImmutableString;

    use super::{missing, replaced};
    use crate::{
        api::argument::{Fallible, spend_bytes},
        gate,
    };

    /// Replaces every occurrence of a string by another.
    #[rhai_fn(return_raw)]
    fn replace(string: &mut ImmutableString, find_string: &str, substitute_string: &str) -> Fallible<()> {
        if !string.is_empty() {
            *string = replaced(string, find_string, substitute_string)?.into();
        }
        Ok(())
    }

    /// Replaces every occurrence of a string by a character.
    #[rhai_fn(name = "replace", return_raw)]
    fn replace_string_with_char(
        string: &mut ImmutableString,
        find_string: &str,
        substitute_character: char,
    ) -> Fallible<()> {
        replace(string, find_string, substitute_character.encode_utf8(&mut [0; 4]))
    }

    /// Replaces every occurrence of a character by a string.
    #[rhai_fn(name = "replace", return_raw)]
    fn replace_char_with_string(
        string: &mut ImmutableString,
        find_character: char,
        substitute_string: &str,
    ) -> Fallible<()> {
        replace(string, find_character.encode_utf8(&mut [0; 4]), substitute_string)
    }

    /// Replaces every occurrence of a character by another.
    #[rhai_fn(name = "replace", return_raw)]
    fn replace_char(
        string: &mut ImmutableString,
        find_character: char,
        substitute_character: char,
    ) -> Fallible<()> {
        replace_char_with_string(
            string,
            find_character,
            substitute_character.encode_utf8(&mut [0; 4]),
        )
    }

    /// Makes the string at least `len` characters long by adding a character at its end.
    #[rhai_fn(return_raw)]
    fn pad(string: &mut ImmutableString, len: i64, character: char) -> Fallible<()> {
        pad_with_string(string, len, character.encode_utf8(&mut [0; 4]))
    }

    /// Makes the string at least `len` characters long by adding another at its end, the last time as much of it
    /// as fits. Adding an empty string changes nothing.
    #[rhai_fn(name = "pad", return_raw)]
    fn pad_with_string(string: &mut ImmutableString, len: i64, padding: &str) -> Fallible<()> {
        let missing = missing(string, len)?;
        if missing == 0 || padding.is_empty() {
            return Ok(());
        }
        let padding_chars = padding.chars().count();
        let bytes = (missing / padding_chars + 1).saturating_mul(padding.len());
        gate::reserve(string.len().saturating_add(bytes))?;
        spend_bytes(bytes)?;
        let padded = string.make_mut();
        padded.push_str(&padding.repeat(missing / padding_chars));
        padded.extend(padding.chars().take(missing % padding_chars));
        Ok(())
    }
}

fn collect<'a>(text: &str, pieces: impl Iterator<Item = &'a str>) -> Fallible<Array> {
    spend_bytes(text.len())?;
    let mut array = BoundedArray::default();
    for piece in pieces {
        array.push_text(piece)?;
    }
    Ok(array.finish())
}

fn limit(segments: i64) -> usize {
    usize::try_from(segments).unwrap_or(0).max(1)
}

#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod split_functions {
    use rhai::{Array, ImmutableString};

    use super::{collect, limit};
    use crate::api::{
        argument::{Fallible, spend_bytes},
        bounded::BoundedArray,
    };

    /// The characters of the string as an array.
    #[rhai_fn(return_raw)]
    fn to_chars(string: &str) -> Fallible<Array> {
        spend_bytes(string.len())?;
        let mut array = BoundedArray::default();
        for character in string.chars() {
            array.push(character.into())?;
        }
        Ok(array.finish())
    }

    /// The words of the string, between white space, as an array.
    #[rhai_fn(name = "split", return_raw, pure)]
    fn split_whitespace(string: &mut ImmutableString) -> Fallible<Array> {
        if string.is_empty() {
            return Ok(vec![string.clone().into()]);
        }
        collect(string, string.split_whitespace())
    }

    /// The pieces of the string between the delimiters, as an array.
    #[rhai_fn(return_raw, pure)]
    fn split(string: &mut ImmutableString, delimiter: &str) -> Fallible<Array> {
        if string.is_empty() {
            return Ok(vec![string.clone().into()]);
        }
        collect(string, string.split(delimiter))
    }

    /// The pieces of the string between the delimiters as an array of at most `segments`.
    #[rhai_fn(name = "split", return_raw, pure)]
    fn splitn(string: &mut ImmutableString, delimiter: &str, segments: i64) -> Fallible<Array> {
        if string.is_empty() {
            return Ok(vec![string.clone().into()]);
        }
        collect(string, string.splitn(limit(segments), delimiter))
    }

    /// The pieces of the string between the delimiters, as an array.
    #[rhai_fn(name = "split", return_raw, pure)]
    fn split_char(string: &mut ImmutableString, delimiter: char) -> Fallible<Array> {
        collect(string, string.split(delimiter))
    }

    /// The pieces of the string between the delimiters as an array of at most `segments`.
    #[rhai_fn(name = "split", return_raw, pure)]
    fn splitn_char(string: &mut ImmutableString, delimiter: char, segments: i64) -> Fallible<Array> {
        collect(string, string.splitn(limit(segments), delimiter))
    }

    /// The pieces of the string between the delimiters as an array, the last one first.
    #[rhai_fn(name = "split_rev", return_raw, pure)]
    fn rsplit(string: &mut ImmutableString, delimiter: &str) -> Fallible<Array> {
        if string.is_empty() {
            return Ok(vec![string.clone().into()]);
        }
        collect(string, string.rsplit(delimiter))
    }

    /// The pieces of the string between the delimiters as an array of at most `segments`, the last one first.
    #[rhai_fn(name = "split_rev", return_raw, pure)]
    fn rsplitn(string: &mut ImmutableString, delimiter: &str, segments: i64) -> Fallible<Array> {
        if string.is_empty() {
            return Ok(vec![string.clone().into()]);
        }
        collect(string, string.rsplitn(limit(segments), delimiter))
    }

    /// The pieces of the string between the delimiters as an array, the last one first.
    #[rhai_fn(name = "split_rev", return_raw, pure)]
    fn rsplit_char(string: &mut ImmutableString, delimiter: char) -> Fallible<Array> {
        collect(string, string.rsplit(delimiter))
    }

    /// The pieces of the string between the delimiters as an array of at most `segments`, the last one first.
    #[rhai_fn(name = "split_rev", return_raw, pure)]
    fn rsplitn_char(string: &mut ImmutableString, delimiter: char, segments: i64) -> Fallible<Array> {
        collect(string, string.rsplitn(limit(segments), delimiter))
    }
}
