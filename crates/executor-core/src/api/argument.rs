//! How the functions of the script API take arguments and refuse them.

use rhai::{Dynamic, EvalAltResult, Position};

use crate::gate;

/// What a function returns that may fail.
pub(crate) type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// An error that a script may catch.
#[expect(
    clippy::unnecessary_box_returns,
    reason = "the form in which Rhai takes errors"
)]
pub(crate) fn fail(message: impl Into<String>) -> Box<EvalAltResult> {
    EvalAltResult::ErrorRuntime(message.into().into(), Position::NONE).into()
}

/// Lends the bytes of a string or a blob to `act`, after counting the work of going through them.
pub(super) fn with_bytes<T>(
    function: &str,
    value: &Dynamic,
    act: impl FnOnce(&[u8]) -> Fallible<T>,
) -> Fallible<T> {
    if let Ok(text) = value.as_immutable_string_ref() {
        spend_bytes(text.len())?;
        act(text.as_bytes())
    } else if let Ok(blob) = value.as_blob_ref() {
        spend_bytes(blob.len())?;
        act(&blob)
    } else {
        Err(fail(format!(
            "{function} takes a string or a blob, not {}",
            type_name(value)
        )))
    }
}

/// Bytes that a native function goes through in about the time of one step of a script.
const BYTES_PER_OPERATION: usize = 64;

/// Counts the work of going through `bytes` bytes.
pub(crate) fn spend_bytes(bytes: usize) -> Fallible<()> {
    match bytes / BYTES_PER_OPERATION {
        0 => Ok(()),
        operations => gate::spend(operations as u64),
    }
}

/// Text from bytes that have to be UTF-8.
pub(super) fn utf8(function: &str, bytes: Vec<u8>) -> Fallible<String> {
    String::from_utf8(bytes).map_err(|_| fail(format!("{function}: the bytes are not UTF-8 text")))
}

/// The name of the value's type that authors know it by.
pub(crate) fn type_name(value: &Dynamic) -> &str {
    match value.type_name() {
        "()" => "()",
        "i64" => "integer",
        "f64" => "float",
        name if name.ends_with("FnPtr") => "a function",
        name => name.rsplit("::").next().unwrap_or(name),
    }
}
