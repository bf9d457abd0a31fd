//! `json::…`

use rhai::{Dynamic, Module, export_module, exported_module};

use super::argument::Fallible;
use crate::json::JsonError;

/// The module as scripts see it.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

/// A value as JSON, in its shortest form.
pub(super) fn compact(value: &Dynamic) -> Fallible<String> {
    text_of(value, crate::json::write)
}

fn text_of(
    value: &Dynamic,
    write: fn(&Dynamic, &mut Vec<u8>, usize) -> Result<(), JsonError>,
) -> Fallible<String> {
    let mut out = Vec::new();
    write(value, &mut out, usize::MAX)?;
    super::argument::utf8("json", out)
}

/// JSON documents (RFC 8259), at most 127 levels deep.
#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use rhai::{Dynamic, NativeCallContext};

    use super::text_of;
    use crate::{
        api::argument::{Fallible, fail, type_name},
        error::at_call,
        json,
    };

    /// Reads JSON from a string or a blob. An object becomes a map, null becomes `()`, and a whole number that
    /// does not fit into 64 bits becomes a float. The error for invalid JSON names line and column.
    ///
    /// ```rhai
    /// json::parse(`{"name": "Ada", "tags": [1, null]}`)  //=> #{name: "Ada", tags: [1, ()]}
    /// json::parse(`{"name": }`)                          //=> error: expected value at line 1, column 10
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn parse(ctx: NativeCallContext, data: &mut Dynamic) -> Fallible<Dynamic> {
        at_call(&ctx, || {
            if let Ok(text) = data.as_immutable_string_ref() {
                return Ok(json::parse_text(&text)?);
            }
            if let Ok(blob) = data.as_blob_ref() {
                return Ok(json::parse(&blob)?);
            }
            let given = type_name(data);
            Err(fail(format!("json::parse takes a string or a blob, not {given}")))
        })
    }

    /// Writes a value as JSON, in its shortest form. `()` and floats that are no number become null, a blob
    /// becomes its Base64 text. A function is an error, as is a value nested more than 127 levels deep.
    ///
    /// ```rhai
    /// json::stringify(#{name: "Ada", tags: [1, ()]})  //=> `{"name":"Ada","tags":[1,null]}`
    /// json::stringify(|x| x + 1)                      //=> error: cannot be written as JSON
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn stringify(ctx: NativeCallContext, value: &mut Dynamic) -> Fallible<String> {
        at_call(&ctx, || super::compact(value))
    }

    /// Writes a value as JSON on many lines, indented by two spaces.
    ///
    /// ```rhai
    /// json::pretty(#{name: "Ada"})  //=> "{\n  \"name\": \"Ada\"\n}"
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn pretty(ctx: NativeCallContext, value: &mut Dynamic) -> Fallible<String> {
        at_call(&ctx, || text_of(value, json::write_pretty))
    }
}
