//! What an event carries that tells of a change.

use bytes::Bytes;
use picloud_shared::{
    events::CHANGED_VALUE_BYTES_MAX,
    id::{ExecutionId, UserId},
    services::{KvValue, UserRecord, Writer},
};
use serde::Serialize;
use serde_json::value::RawValue;

/// A change of one thing. Without a value, a document or a user, it is gone.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Changed<'c> {
    Key {
        key: &'c str,
        #[serde(flatten)]
        value: Option<Value<'c>>,
        by: By,
    },
    Document {
        collection: &'c str,
        id: &'c str,
        #[serde(flatten)]
        document: Option<Document<'c>>,
        by: By,
    },
    User {
        id: &'c str,
        #[serde(flatten)]
        user: Option<User>,
        by: By,
    },
}

/// Who made it.
#[derive(Clone, Copy, Serialize)]
pub(super) struct By {
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_id: Option<ExecutionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
}

/// A value as it is now.
#[derive(Serialize)]
pub(super) struct Value<'c> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "value", skip_serializing_if = "Option::is_none")]
    shown: Option<&'c RawValue>,
    bytes: usize,
    truncated: bool,
}

/// A document as it is now.
#[derive(Serialize)]
pub(super) struct Document<'c> {
    #[serde(rename = "document", skip_serializing_if = "Option::is_none")]
    shown: Option<&'c RawValue>,
    bytes: usize,
    truncated: bool,
}

/// What is told of a user: nothing that signs them in, and not what the app keeps with them.
#[derive(Serialize)]
pub(super) struct User {
    name: String,
    email: Option<String>,
    is_active: bool,
}

impl Changed<'_> {
    pub(super) fn to_bytes(&self) -> Bytes {
        match serde_json::to_vec(self) {
            Ok(bytes) => bytes.into(),
            Err(error) => {
                // All of it is text.
                tracing::error!(%error, "what changed cannot be told");
                Bytes::from_static(b"null")
            }
        }
    }
}

impl By {
    pub(super) fn of(writer: &Writer) -> Self {
        Self {
            execution_id: writer.lineage.cause,
            user_id: writer.person,
        }
    }
}

impl<'c> Value<'c> {
    pub(super) fn of(value: &'c KvValue) -> Self {
        let (kind, shown) = match value {
            KvValue::Json(text) => ("json", shown(text)),
            KvValue::Blob(_) => ("blob", None),
        };
        Self {
            kind,
            shown,
            bytes: value.bytes(),
            truncated: shown.is_none(),
        }
    }
}

impl<'c> Document<'c> {
    pub(super) fn of(text: &'c str) -> Self {
        let shown = shown(text);
        Self {
            shown,
            bytes: text.len(),
            truncated: shown.is_none(),
        }
    }
}

impl User {
    pub(super) fn of(record: &KvValue) -> Option<Self> {
        let KvValue::Json(text) = record else {
            return None;
        };
        let record: UserRecord = serde_json::from_str(text).ok()?;
        Some(Self {
            name: record.name,
            email: record.email,
            is_active: record.is_active,
        })
    }
}

/// A JSON text, if it is not too large.
fn shown(text: &str) -> Option<&RawValue> {
    (text.len() <= CHANGED_VALUE_BYTES_MAX).then(|| serde_json::from_str(text).ok())?
}
