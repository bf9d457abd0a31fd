//! Values as text.
//!
//! Rhai takes an error of `to_string` as a reason to format the value itself, without any bound. So these
//! functions do not fail: where the run may have no more, they stop, and the verdict of the run does the rest.

use rhai::{Dynamic, Module, NativeCallContext, export_module, exported_module};

use crate::{
    api::{argument::Fallible, bounded::BoundedText},
    modules::without_marks_of_run,
};

/// The functions as scripts see them.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

/// Levels of arrays and maps that are shown.
const DEPTH_MAX: usize = 64;

/// Appends a value as `to_string` has it.
pub(in crate::api) fn append_display(
    out: &mut BoundedText,
    context: &NativeCallContext<'_>,
    value: &Dynamic,
) -> Fallible<()> {
    if let Ok(text) = value.as_immutable_string_ref() {
        return out.push(&text);
    }
    if value.is_unit() {
        return Ok(());
    }
    append_debug(out, context, value, "to_string", DEPTH_MAX)
}

/// Appends a value as `to_debug` has it.
fn append_debug(
    out: &mut BoundedText,
    context: &NativeCallContext<'_>,
    value: &Dynamic,
    function: &str,
    levels_left: usize,
) -> Fallible<()> {
    if let Ok(text) = value.as_immutable_string_ref() {
        append_quoted(out, &text)
    } else if let Ok(array) = value.as_array_ref() {
        let Some(levels_left) = levels_left.checked_sub(1) else {
            return out.push("[…]");
        };
        out.push("[")?;
        for (index, item) in array.iter().enumerate() {
            out.push(if index == 0 { "" } else { ", " })?;
            append_debug(out, context, item, "to_debug", levels_left)?;
        }
        out.push("]")
    } else if let Ok(map) = value.as_map_ref() {
        let Some(levels_left) = levels_left.checked_sub(1) else {
            return out.push("#{…}");
        };
        out.push("#{")?;
        for (index, (key, item)) in map.iter().enumerate() {
            out.push(if index == 0 { "" } else { ", " })?;
            append_quoted(out, key)?;
            out.push(": ")?;
            append_debug(out, context, item, "to_debug", levels_left)?;
        }
        out.push("}")
    } else if let Ok(blob) = value.as_blob_ref() {
        append_hex(out, &blob)
    } else if value.is_fnptr() {
        // A function may hold others as arguments; only its name is shown.
        out.push(&without_marks_of_run(&value.to_string()))
    } else {
        append_simple(out, context, value, function)
    }
}

/// Numbers, characters and the types that Rhai does not know.
fn append_simple(
    out: &mut BoundedText,
    context: &NativeCallContext<'_>,
    value: &Dynamic,
    function: &str,
) -> Fallible<()> {
    let is_plain = value.is_int() || value.is_bool() || value.is_char();
    if is_plain {
        return out.push(&value.to_string());
    }
    let shown = context.call_native_fn_raw(function, true, &mut [&mut value.clone()]);
    match shown.as_ref().map(Dynamic::as_immutable_string_ref) {
        Ok(Ok(text)) => out.push(&text),
        _ => out.push(context.engine().map_type_name(value.type_name())),
    }
}

/// As Rust's `Debug` writes it.
fn append_quoted(out: &mut BoundedText, text: &str) -> Fallible<()> {
    out.push("\"")?;
    let mut from = 0;
    for (at, character) in text.char_indices() {
        let is_plain = matches!(character, ' '..='~') && character != '"' && character != '\\';
        if !is_plain {
            out.push(&text[from..at])?;
            for escaped in character.escape_debug() {
                out.push(escaped.encode_utf8(&mut [0; 4]))?;
            }
            from = at + character.len_utf8();
        }
    }
    out.push(&text[from..])?;
    out.push("\"")
}

/// In groups of eight bytes, as Rhai does.
fn append_hex(out: &mut BoundedText, blob: &[u8]) -> Fallible<()> {
    out.push("[")?;
    for (index, group) in blob.chunks(8).enumerate() {
        out.push(if index == 0 { "" } else { " " })?;
        out.push(&hex::encode(group))?;
    }
    out.push("]")
}

fn shown(context: &NativeCallContext<'_>, value: &Dynamic) -> String {
    let mut out = BoundedText::default();
    // Stopped or not, see above.
    let _ = append_debug(&mut out, context, value, "to_debug", DEPTH_MAX);
    out.finish()
}

/// Makes a value of the collection for as long as `show` takes.
fn lend<T: Default + Clone + 'static>(collection: &mut T, show: impl FnOnce(&Dynamic) -> String) -> String
where
    Dynamic: From<T>,
{
    let value = Dynamic::from(std::mem::take(collection));
    let text = show(&value);
    *collection = value.cast();
    text
}

#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use rhai::{Array, Blob, FnPtr, ImmutableString, Map, NativeCallContext};

    use super::{append_quoted, lend, shown};
    use crate::{api::bounded::BoundedText, modules::without_marks_of_run};

    /// The array as text.
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    fn array_to_string(ctx: NativeCallContext, array: &mut Array) -> String {
        lend(array, |array| shown(&ctx, array))
    }

    /// The map as text.
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    fn map_to_string(ctx: NativeCallContext, map: &mut Map) -> String {
        lend(map, |map| shown(&ctx, map))
    }

    /// The bytes of the blob as hexadecimal text.
    ///
    /// ```rhai
    /// blob(2, 255).to_string()  //=> "[ffff]"
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    fn blob_to_string(ctx: NativeCallContext, blob: &mut Blob) -> String {
        lend(blob, |blob| shown(&ctx, blob))
    }

    /// The number as text.
    ///
    /// ```rhai
    /// 12.to_string()  //=> "12"
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug")]
    fn int_to_string(number: i64) -> ImmutableString {
        itoa::Buffer::new().format(number).into()
    }

    /// The name of the function as text.
    ///
    /// ```rhai
    /// Fn("max").to_string()  //=> "Fn(max)"
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    fn function_to_string(function: &mut FnPtr) -> String {
        format!("Fn({})", without_marks_of_run(function.fn_name()))
    }

    /// Return the name of the function.
    ///
    /// # Example
    ///
    /// ```rhai
    /// fn double(x) { x * 2 }
    ///
    /// let f = Fn("double");
    ///
    /// print(f.name);      // prints "double"
    /// ```
    #[rhai_fn(name = "name", get = "name", pure)]
    fn function_name(fn_ptr: &mut FnPtr) -> ImmutableString {
        ImmutableString::from(&*without_marks_of_run(fn_ptr.fn_name()))
    }

    /// The string in quotes, with everything escaped that is not plain to see.
    #[rhai_fn(name = "to_debug")]
    fn string_to_debug(string: ImmutableString) -> String {
        let mut out = BoundedText::default();
        // Stopped or not, see above.
        let _ = append_quoted(&mut out, &string);
        out.finish()
    }
}
