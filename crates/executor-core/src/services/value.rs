//! Values as they are stored.

use std::rc::Rc;

use picloud_shared::services::{KvValue, VALUE_BYTES_MAX};
use rhai::Dynamic;

use crate::{
    api::{Fallible, fail},
    gate, json,
};

/// `value` as it is stored: a blob as it is, all else as JSON.
pub(super) fn stored(function: &str, value: &Dynamic) -> Fallible<Rc<KvValue>> {
    let too_large = || {
        fail(format!(
            "{function}: the value is larger than {VALUE_BYTES_MAX} bytes; keep it in parts, under several keys"
        ))
    };
    if let Ok(blob) = value.as_blob_ref() {
        if blob.len() > VALUE_BYTES_MAX {
            return Err(too_large());
        }
        gate::reserve(blob.len())?;
        return Ok(Rc::new(KvValue::Blob(blob.clone())));
    }
    let mut out = Vec::new();
    json::write(value, &mut out, VALUE_BYTES_MAX).map_err(|error| match error {
        json::JsonError::TooLarge { .. } => too_large(),
        other => other.into(),
    })?;
    let text =
        String::from_utf8(out).map_err(|_| fail(format!("{function}: the value is not UTF-8 text")))?;
    Ok(Rc::new(KvValue::Json(text)))
}

/// A stored value as scripts see it.
pub(super) fn of_stored(value: &KvValue) -> Fallible<Dynamic> {
    match value {
        KvValue::Json(text) => Ok(json::parse_text(text)?),
        KvValue::Blob(bytes) => {
            gate::reserve(bytes.len())?;
            Ok(Dynamic::from_blob(bytes.clone()))
        }
    }
}

/// A copy that counts as memory of the run.
pub(super) fn copied(value: &KvValue) -> Fallible<Rc<KvValue>> {
    gate::reserve(value.bytes())?;
    Ok(Rc::new(value.clone()))
}
