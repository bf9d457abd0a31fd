//! `form::…`

use rhai::{Dynamic, ImmutableString, Map, Module, export_module, exported_module};

use super::{
    argument::{Fallible, fail, spend_bytes, type_name},
    bounded::BoundedText,
};
use crate::gate;

/// The module as scripts see it.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

/// The fields of a form or a query as a map. Of equal names the first one stays.
pub(super) fn fields(text: &[u8]) -> Fallible<Map> {
    /// A name and a value of a few bytes take a tree node and two strings.
    const FIELD_BYTES: usize = 160;
    spend_bytes(text.len())?;
    let mut map = Map::new();
    for (index, (name, value)) in form_urlencoded::parse(text).enumerate() {
        if index % 64 == 63 {
            gate::reserve(64 * FIELD_BYTES)?;
            gate::spend(64)?;
        }
        map.entry(name.as_ref().into())
            .or_insert_with(|| ImmutableString::from(value.as_ref()).into());
    }
    Ok(map)
}

/// A map as a form or a query. An array stands for several fields of one name.
pub(crate) fn encode(function: &str, fields: &Map) -> Fallible<String> {
    let mut text = BoundedText::default();
    let mut is_first = true;
    let mut add = |name: &str, value: &Dynamic| -> Fallible<()> {
        if !std::mem::take(&mut is_first) {
            text.push("&")?;
        }
        form_urlencoded::byte_serialize(name.as_bytes()).try_for_each(|piece| text.push(piece))?;
        text.push("=")?;
        let value = scalar(function, value)?;
        form_urlencoded::byte_serialize(value.as_bytes()).try_for_each(|piece| text.push(piece))
    };
    for (name, value) in fields {
        match value.as_array_ref() {
            Ok(values) => values.iter().try_for_each(|value| add(name, value))?,
            Err(_) => add(name, value)?,
        }
    }
    Ok(text.finish())
}

/// The text of a value that is no collection; `()` is empty.
pub(crate) fn scalar(function: &str, value: &Dynamic) -> Fallible<ImmutableString> {
    if let Ok(text) = value.as_immutable_string_ref() {
        return Ok(text.clone());
    }
    if value.is_int() || value.is_float() || value.is_bool() || value.is_char() || value.is_unit() {
        return Ok(value.to_string().into());
    }
    let given = type_name(value);
    Err(fail(format!(
        "{function}: a value must be text, a number or a boolean, not {given}"
    )))
}

/// Bodies of HTML forms, `application/x-www-form-urlencoded`.
#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use rhai::{Array, Dynamic, Map, NativeCallContext};

    use crate::{
        api::{
            argument::{Fallible, spend_bytes, with_bytes},
            bounded::BoundedArray,
        },
        error::at_call,
    };

    /// Reads the fields of a form, or the query of a URL, as a map of strings. Of equal names the first one stays;
    /// `form::pairs` gives all.
    ///
    /// ```rhai
    /// form::parse("name=Ada+Lovelace&city=London%21")  //=> #{name: "Ada Lovelace", city: "London!"}
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn parse(ctx: NativeCallContext, data: &mut Dynamic) -> Fallible<Map> {
        at_call(&ctx, || with_bytes("form::parse", data, super::fields))
    }

    /// Reads the fields of a form as an array of `[name, value]`, in order and with all that repeat.
    ///
    /// ```rhai
    /// form::pairs("tag=a&tag=b")  //=> [["tag", "a"], ["tag", "b"]]
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn pairs(ctx: NativeCallContext, data: &mut Dynamic) -> Fallible<Array> {
        at_call(&ctx, || {
            with_bytes("form::pairs", data, |bytes| {
                spend_bytes(bytes.len())?;
                let mut pairs = BoundedArray::default();
                for (name, value) in form_urlencoded::parse(bytes) {
                    let pair: Array = vec![name.into_owned().into(), value.into_owned().into()];
                    pairs.push(pair.into())?;
                }
                Ok(pairs.finish())
            })
        })
    }

    /// Writes a map as the body of a form, or as the query of a URL. An array stands for several fields of one
    /// name, `()` for an empty value.
    ///
    /// ```rhai
    /// form::encode(#{name: "Ada & Co", tag: ["a", "b"], page: 2})  //=> "name=Ada+%26+Co&page=2&tag=a&tag=b"
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn encode(ctx: NativeCallContext, fields: &mut Map) -> Fallible<String> {
        at_call(&ctx, || super::encode("form::encode", fields))
    }
}
