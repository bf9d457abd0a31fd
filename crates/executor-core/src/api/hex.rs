//! `hex::…`

use rhai::{Module, export_module, exported_module};

/// The module as scripts see it.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

/// Bytes as pairs of hexadecimal digits.
#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use rhai::{Blob, Dynamic};

    use crate::{
        api::argument::{Fallible, fail, spend_bytes, utf8, with_bytes},
        gate,
    };

    /// Writes the bytes of a string or a blob as hexadecimal digits, in lower case.
    ///
    /// ```rhai
    /// hex::encode("Aé")          //=> "41c3a9"
    /// hex::encode(blob(2, 255))  //=> "ffff"
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn encode(data: &mut Dynamic) -> Fallible<String> {
        with_bytes("hex::encode", data, |bytes| {
            gate::reserve(bytes.len().saturating_mul(2))?;
            Ok(hex::encode(bytes))
        })
    }

    /// Reads hexadecimal digits, in either case, as a blob. Anything else is an error.
    ///
    /// ```rhai
    /// hex::decode("41FF").to_array()  //=> [65, 255]
    /// hex::decode("4x")               //=> error: not hexadecimal
    /// ```
    #[rhai_fn(return_raw)]
    fn decode(text: &str) -> Fallible<Blob> {
        spend_bytes(text.len())?;
        gate::reserve(text.len() / 2)?;
        hex::decode(text).map_err(|error| fail(format!("hex::decode: not hexadecimal text: {error}")))
    }

    /// Reads hexadecimal digits as text. Bytes that are not UTF-8 are an error.
    ///
    /// ```rhai
    /// hex::decode_text("41c3a9")  //=> "Aé"
    /// ```
    #[rhai_fn(return_raw)]
    fn decode_text(text: &str) -> Fallible<String> {
        utf8("hex::decode_text", decode(text)?)
    }
}
