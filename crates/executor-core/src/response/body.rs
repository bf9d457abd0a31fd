//! The body of a response, made from a script's value.

use bytes::Bytes;
use http::HeaderValue;
use picloud_shared::outcome::ScriptErrorKind;
use rhai::Dynamic;

use super::{Fallible, unsendable};
use crate::{
    coroutine::with_current,
    error::failure,
    gate,
    json::{self, JsonError},
};

pub(super) const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
pub(super) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const BINARY: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Bytes, and what they are.
#[derive(Clone)]
pub(super) struct Body {
    pub(super) bytes: Bytes,
    pub(super) content_type: Option<HeaderValue>,
}

impl Body {
    /// No body.
    pub(super) fn absent() -> Self {
        Self {
            bytes: Bytes::new(),
            content_type: None,
        }
    }

    /// Whether there is no body, not even an empty one.
    pub(super) fn is_absent(&self) -> bool {
        self.content_type.is_none()
    }

    /// Whether there is nothing to send.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The form that `value` has by itself.
    pub(super) fn of(value: &Dynamic) -> Fallible<Self> {
        if let Ok(text) = value.as_immutable_string_ref() {
            Self::copied(text.as_bytes(), TEXT)
        } else if let Ok(character) = value.as_char() {
            Self::copied(character.encode_utf8(&mut [0; 4]).as_bytes(), TEXT)
        } else if value.is_unit() {
            Ok(Self::absent())
        } else if let Ok(blob) = value.as_blob_ref() {
            Self::copied(&blob, BINARY)
        } else {
            Self::json(value)
        }
    }

    /// Text of one kind.
    pub(super) fn copied(bytes: &[u8], content_type: HeaderValue) -> Fallible<Self> {
        if bytes.len() > bytes_max() {
            return Err(too_large());
        }
        gate::reserve(bytes.len())?;
        Ok(Self {
            bytes: Bytes::copy_from_slice(bytes),
            content_type: Some(content_type),
        })
    }

    /// `value` as JSON.
    pub(super) fn json(value: &Dynamic) -> Fallible<Self> {
        let mut bytes = Vec::with_capacity(64);
        json::write(value, &mut bytes, bytes_max()).map_err(|error| match error {
            JsonError::TooLarge { .. } => too_large(),
            JsonError::TooDeep => failure(
                ScriptErrorKind::Depth,
                format!(
                    "the response is nested deeper than {} levels of arrays and maps",
                    json::DEPTH_MAX
                ),
            ),
            error @ JsonError::Unsupported { .. } => {
                unsendable(format!("the response cannot be sent: {error}"))
            }
            other => other.into(),
        })?;
        Ok(Self {
            bytes: bytes.into(),
            content_type: Some(JSON),
        })
    }
}

/// What the current run may send.
fn bytes_max() -> usize {
    with_current(|run| run.map_or(usize::MAX, |run| run.response_bytes_max))
}

#[expect(clippy::unnecessary_box_returns, reason = "Rhai passes errors in a box")]
fn too_large() -> Box<rhai::EvalAltResult> {
    let message = format!(
        "the response's body is larger than {} bytes (response_bytes_max)",
        bytes_max()
    );
    failure(ScriptErrorKind::ResponseSize, message)
}
