//! `base64::…`

use base64::{
    alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use rhai::{Module, export_module, exported_module};

/// The module as scripts see it.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT.with_encode_padding(false));

/// Bytes as text of 64 letters (RFC 4648).
#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use base64::Engine as _;
    use rhai::{Blob, Dynamic};

    use super::{STANDARD, URL};
    use crate::{
        api::argument::{Fallible, fail, spend_bytes, utf8, with_bytes},
        gate,
    };

    /// Writes the bytes of a string or a blob as Base64, with padding.
    ///
    /// ```rhai
    /// base64::encode("Ada")           //=> "QWRh"
    /// base64::encode(blob(1, 0xff))   //=> "/w=="
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn encode(data: &mut Dynamic) -> Fallible<String> {
        with_bytes("base64::encode", data, |bytes| {
            gate::reserve(bytes.len() / 3 * 4)?;
            Ok(STANDARD.encode(bytes))
        })
    }

    /// Writes the bytes of a string or a blob as Base64 for URLs and file names: `-` and `_` in place of `+`
    /// and `/`, without padding.
    ///
    /// ```rhai
    /// base64::encode_url(blob(1, 0xff))  //=> "_w"
    /// ```
    #[rhai_fn(return_raw, pure)]
    fn encode_url(data: &mut Dynamic) -> Fallible<String> {
        with_bytes("base64::encode_url", data, |bytes| {
            gate::reserve(bytes.len() / 3 * 4)?;
            Ok(URL.encode(bytes))
        })
    }

    /// Reads Base64, with or without padding, as a blob. Anything else is an error.
    ///
    /// ```rhai
    /// base64::decode("/w==").to_array()  //=> [255]
    /// base64::decode("?")                //=> error: not Base64
    /// ```
    #[rhai_fn(return_raw)]
    fn decode(text: &str) -> Fallible<Blob> {
        spend_bytes(text.len())?;
        gate::reserve(text.len())?;
        let decoded = STANDARD.decode(text);
        decoded.map_err(|error| fail(format!("base64::decode: not Base64 text: {error}")))
    }

    /// Reads Base64 as text. Bytes that are not UTF-8 are an error.
    ///
    /// ```rhai
    /// base64::decode_text("QWRh")  //=> "Ada"
    /// ```
    #[rhai_fn(return_raw)]
    fn decode_text(text: &str) -> Fallible<String> {
        utf8("base64::decode_text", decode(text)?)
    }

    /// Reads the Base64 of URLs, with or without padding, as a blob.
    ///
    /// ```rhai
    /// base64::decode_url("_w").to_array()                     //=> [255]
    /// json::parse(base64::decode_url("eyJzdWIiOiJhZGEifQ"))   //=> #{sub: "ada"}
    /// ```
    #[rhai_fn(return_raw)]
    fn decode_url(text: &str) -> Fallible<Blob> {
        spend_bytes(text.len())?;
        gate::reserve(text.len())?;
        let decoded = URL.decode(text);
        decoded.map_err(|error| fail(format!("base64::decode_url: not Base64 text: {error}")))
    }
}
