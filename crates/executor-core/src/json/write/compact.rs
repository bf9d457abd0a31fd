//! The shortest text of a value.
//!
//! This is the answer of most scripts, so it is written without a layer between: beside a serializer for any type,
//! which asks for each piece of text again, it takes about half of the time.

use std::any::TypeId;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rhai::{Array, Dynamic, ImmutableString, Map};

use super::{Target, escape, type_name};
use crate::json::{DEPTH_MAX, JsonError};

/// Appends `value` to `out`, in the shortest form. `out` may not become longer than `bytes_max`.
///
/// `()` is null, a float that is no number is null too, a blob is its base64 text. What has no form in JSON,
/// such as a function, is an error.
pub(crate) fn write(value: &Dynamic, out: &mut Vec<u8>, bytes_max: usize) -> Result<(), JsonError> {
    write_value(value, &mut Target::new(out, bytes_max), DEPTH_MAX)
}

fn write_value(value: &Dynamic, to: &mut Target<'_>, levels_left: usize) -> Result<(), JsonError> {
    let kind = value.type_id();
    let is = |other: TypeId| kind == other;
    if is(TypeId::of::<ImmutableString>())
        && let Some(text) = value.read_lock::<ImmutableString>()
    {
        write_text(&text, to)
    } else if is(TypeId::of::<i64>()) {
        let number = value.as_int().unwrap_or_default();
        to.push(itoa::Buffer::new().format(number).as_bytes())
    } else if is(TypeId::of::<Map>())
        && let Some(map) = value.read_lock::<Map>()
    {
        write_map(&map, to, deeper(levels_left)?)
    } else if is(TypeId::of::<Array>())
        && let Some(array) = value.read_lock::<Array>()
    {
        write_array(&array, to, deeper(levels_left)?)
    } else if is(TypeId::of::<bool>()) {
        let word: &[u8] = if value.as_bool().unwrap_or_default() {
            b"true"
        } else {
            b"false"
        };
        to.push(word)
    } else if is(TypeId::of::<()>()) {
        to.push(b"null")
    } else if is(TypeId::of::<f64>()) {
        write_float(value.as_float().unwrap_or_default(), to)
    } else if let Ok(character) = value.as_char() {
        write_text(character.encode_utf8(&mut [0; 4]), to)
    } else if let Ok(bytes) = value.as_blob_ref() {
        write_blob(&bytes, to)
    } else {
        Err(JsonError::Unsupported {
            type_name: type_name(value).to_owned(),
        })
    }
}

fn deeper(levels_left: usize) -> Result<usize, JsonError> {
    levels_left.checked_sub(1).ok_or(JsonError::TooDeep)
}

fn write_map(map: &Map, to: &mut Target<'_>, levels_left: usize) -> Result<(), JsonError> {
    let mut before = b'{';
    for (key, value) in map {
        write_key(before, key, to)?;
        write_value(value, to, levels_left)?;
        before = b',';
    }
    to.push(if map.is_empty() { b"{}" } else { b"}" })
}

/// A key with what stands before and after it.
#[inline]
fn write_key(before: u8, key: &str, to: &mut Target<'_>) -> Result<(), JsonError> {
    if escape::find(key.as_bytes()).is_some() {
        to.push(&[before])?;
        write_text(key, to)?;
        return to.push(b":");
    }
    to.make_room(key.len() + 4)?;
    to.out.extend_from_slice(&[before, b'"']);
    to.out.extend_from_slice(key.as_bytes());
    to.out.extend_from_slice(b"\":");
    Ok(())
}

fn write_array(array: &Array, to: &mut Target<'_>, levels_left: usize) -> Result<(), JsonError> {
    let mut before: &[u8] = b"[";
    for value in array {
        to.push(before)?;
        write_value(value, to, levels_left)?;
        before = b",";
    }
    to.push(if array.is_empty() { b"[]" } else { b"]" })
}

fn write_text(text: &str, to: &mut Target<'_>) -> Result<(), JsonError> {
    let bytes = text.as_bytes();
    if let Some(at) = escape::find(bytes) {
        return write_escaped(bytes, at, to);
    }
    to.make_room(bytes.len() + 2)?;
    to.out.push(b'"');
    to.out.extend_from_slice(bytes);
    to.out.push(b'"');
    Ok(())
}

/// A string in which something is to be escaped, first at `at`.
#[cold]
fn write_escaped(bytes: &[u8], at: usize, to: &mut Target<'_>) -> Result<(), JsonError> {
    to.push(b"\"")?;
    let (mut rest, mut next) = (bytes, Some(at));
    while let Some(at) = next {
        to.push(&rest[..at])?;
        to.push(escape::Escaped::of(rest[at]).as_bytes())?;
        rest = &rest[at + 1..];
        next = escape::find(rest);
    }
    to.push(rest)?;
    to.push(b"\"")
}

fn write_float(number: f64, to: &mut Target<'_>) -> Result<(), JsonError> {
    const LONGEST: usize = 32;
    to.make_room(LONGEST.min(to.bytes_max.saturating_sub(to.out.len())))?;
    let start = to.out.len();
    // Writing to memory does not fail, and every float has a form; one that is no number is null.
    let _ = serde_json::to_writer(&mut *to.out, &number);
    if to.out.len() > to.bytes_max {
        to.out.truncate(start);
        return Err(JsonError::TooLarge {
            bytes_max: to.bytes_max,
        });
    }
    Ok(())
}

fn write_blob(bytes: &[u8], to: &mut Target<'_>) -> Result<(), JsonError> {
    let length = bytes.len().div_ceil(3) * 4;
    to.make_room(length + 2)?;
    to.out.push(b'"');
    let start = to.out.len();
    to.out.resize(start + length, 0);
    // There is room for exactly what is written.
    let _ = STANDARD.encode_slice(bytes, &mut to.out[start..]);
    to.out.push(b'"');
    Ok(())
}
