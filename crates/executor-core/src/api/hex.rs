//! `hex::…`

use rhai::{Module, export_module, exported_module};

use super::argument::{Fallible, fail, spend_bytes};
use crate::gate;

/// The module as scripts see it.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

fn decoded(text: &str) -> Fallible<Vec<u8>> {
    spend_bytes(text.len())?;
    gate::reserve(text.len() / 2)?;
    hex::decode(text).map_err(|error| fail(format!("hex::decode: not hexadecimal text: {error}")))
}

/// Bytes as pairs of hexadecimal digits.
#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use rhai::{Blob, Dynamic, NativeCallContext};

    use super::decoded;
    use crate::{
        api::argument::{Fallible, utf8, with_bytes},
        error::at_call,
        gate,
    };

    /// Writes the bytes of a string or a blob as hexadecimal digits, in lower case.
    ///
    /// ```rhai
    /// hex::encode("Aé")          //=> "41c3a9"
    /// hex::encode(blob(2, 255))  //=> "ffff"
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn encode(ctx: NativeCallContext, data: &mut Dynamic) -> Fallible<String> {
        at_call(&ctx, || {
            with_bytes("hex::encode", data, |bytes| {
                gate::reserve(bytes.len().saturating_mul(2))?;
                Ok(hex::encode(bytes))
            })
        })
    }

    /// Reads hexadecimal digits, in either case, as a blob. Anything else is an error.
    ///
    /// ```rhai
    /// hex::decode("41FF").to_array()  //=> [65, 255]
    /// hex::decode("4x")               //=> error: not hexadecimal
    /// ```
    #[rhai_fn(return_raw)]
    fn decode(ctx: NativeCallContext, text: &str) -> Fallible<Blob> {
        at_call(&ctx, || decoded(text))
    }

    /// Reads hexadecimal digits as text. Bytes that are not UTF-8 are an error.
    ///
    /// ```rhai
    /// hex::decode_text("41c3a9")  //=> "Aé"
    /// ```
    #[rhai_fn(return_raw)]
    fn decode_text(ctx: NativeCallContext, text: &str) -> Fallible<String> {
        at_call(&ctx, || utf8("hex::decode_text", decoded(text)?))
    }
}
