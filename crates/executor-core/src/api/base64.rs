//! `base64::…`

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use rhai::{Module, export_module, exported_module};

use super::argument::{Fallible, fail, spend_bytes};
use crate::gate;

/// The module as scripts see it.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT.with_encode_padding(false));

fn decoded(text: &str) -> Fallible<Vec<u8>> {
    spend_bytes(text.len())?;
    gate::reserve(text.len())?;
    let decoded = STANDARD.decode(text);
    decoded.map_err(|error| fail(format!("base64::decode: not Base64 text: {error}")))
}

/// Bytes as text of 64 letters (RFC 4648).
#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use base64::Engine as _;
    use rhai::{Blob, Dynamic, NativeCallContext};

    use super::{STANDARD, URL, decoded};
    use crate::{
        api::argument::{Fallible, fail, spend_bytes, utf8, with_bytes},
        error::at_call,
        gate,
    };

    /// Writes the bytes of a string or a blob as Base64, with padding.
    ///
    /// ```rhai
    /// base64::encode("Ada")           //=> "QWRh"
    /// base64::encode(blob(1, 0xff))   //=> "/w=="
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn encode(ctx: NativeCallContext, data: &mut Dynamic) -> Fallible<String> {
        at_call(&ctx, || {
            with_bytes("base64::encode", data, |bytes| {
                gate::reserve(bytes.len() / 3 * 4)?;
                Ok(STANDARD.encode(bytes))
            })
        })
    }

    /// Writes the bytes of a string or a blob as Base64 for URLs and file names: `-` and `_` in place of `+`
    /// and `/`, without padding.
    ///
    /// ```rhai
    /// base64::encode_url(blob(1, 0xff))  //=> "_w"
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn encode_url(ctx: NativeCallContext, data: &mut Dynamic) -> Fallible<String> {
        at_call(&ctx, || {
            with_bytes("base64::encode_url", data, |bytes| {
                gate::reserve(bytes.len() / 3 * 4)?;
                Ok(URL.encode(bytes))
            })
        })
    }

    /// Reads Base64, with or without padding, as a blob. Anything else is an error.
    ///
    /// ```rhai
    /// base64::decode("/w==").to_array()  //=> [255]
    /// base64::decode("?")                //=> error: not Base64
    /// ```
    #[rhai_fn(return_raw)]
    fn decode(ctx: NativeCallContext, text: &str) -> Fallible<Blob> {
        at_call(&ctx, || decoded(text))
    }

    /// Reads Base64 as text. Bytes that are not UTF-8 are an error.
    ///
    /// ```rhai
    /// base64::decode_text("QWRh")  //=> "Ada"
    /// ```
    #[rhai_fn(return_raw)]
    fn decode_text(ctx: NativeCallContext, text: &str) -> Fallible<String> {
        at_call(&ctx, || utf8("base64::decode_text", decoded(text)?))
    }

    /// Reads the Base64 of URLs, with or without padding, as a blob.
    ///
    /// ```rhai
    /// base64::decode_url("_w").to_array()                     //=> [255]
    /// json::parse(base64::decode_url("eyJzdWIiOiJhZGEifQ"))   //=> #{sub: "ada"}
    /// ```
    #[rhai_fn(return_raw)]
    fn decode_url(ctx: NativeCallContext, text: &str) -> Fallible<Blob> {
        at_call(&ctx, || {
            spend_bytes(text.len())?;
            gate::reserve(text.len())?;
            let decoded = URL.decode(text);
            decoded.map_err(|error| fail(format!("base64::decode_url: not Base64 text: {error}")))
        })
    }
}
