//! `PUT /api/v1/admin/apps/{app}/kv/{key}`.

use std::time::Duration;

use axum::{extract::State, response::IntoResponse};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use picloud_shared::services::{Expiry, KEY_BYTES_MAX, KvEntry, KvItem, KvValue, TTL_MAX, VALUE_BYTES_MAX};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Key, KvItemBody, may_be_key, record::Change, with_etag};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, InPath, JsonBody, Precondition},
        problem::{Answer, problems},
        validate::{Violations, present},
    },
};

problems!(
    PutKvProblems: NotFound, Conflict, VersionMismatch, QuotaExceeded, CommitUnknown, TooManyRequests, LoopDetected
);

/// A value: either `value` or `blob_base64`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutKv {
    /// Anything that JSON can hold, of at most 262,144 bytes (256 KiB).
    #[serde(default, deserialize_with = "present")]
    #[schema(example = json!({ "name": "Ada" }))]
    value: Option<Value>,
    /// Bytes, in Base64; at most 262,144 (256 KiB).
    #[serde(default)]
    blob_base64: Option<String>,
    /// How long it is there, in seconds: 1 to 316,224,000 (about ten years); without end unless set.
    #[serde(default)]
    ttl_seconds: Option<u64>,
}

/// Write a key
///
/// Whatever it had before; send the `version` that you know as `If-Match` to be sure that nobody and no script changed
/// it meanwhile, or `If-None-Match: *` if it is to be new. A script that has read it and is still running meets a
/// conflict, and runs again.
#[utoipa::path(
    put,
    path = "/api/v1/admin/apps/{app}/kv/{key}",
    tag = "kv",
    params(
        ("If-Match" = Option<String>, Header, description = "The version that must be there, in quotes"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: there must be no such key yet"),
    ),
    request_body = PutKv,
    responses((status = 200, description = "Written", body = KvItemBody), PutKvProblems),
)]
pub(crate) async fn put_kv(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(key): InPath<Key>,
    only_if: Precondition,
    JsonBody(body): JsonBody<PutKv>,
) -> Answer<impl IntoResponse> {
    let mut violations = Violations::default();
    violations.require(
        may_be_key(&key.0),
        "key",
        format!("must have 1 to {KEY_BYTES_MAX} bytes, of which the first is not 0"),
    );
    let value = body.read(&mut violations);
    let ttl = body.ttl_seconds.map(Duration::from_secs);
    violations.require(
        ttl.is_none_or(|ttl| !ttl.is_zero() && ttl <= TTL_MAX),
        "ttl_seconds",
        format!("must be 1 to {}", TTL_MAX.as_secs()),
    );
    let value = violations.finish_with(value)?;

    let expires_at = ttl.map(|ttl| manager.now().plus(ttl).as_micros());
    let change = Change {
        manager: &manager,
        caller: &caller,
        app: app.id,
        action: "put_kv",
        key: &key,
        only_if,
    };
    let expiry = expires_at.map_or(Expiry::Never, Expiry::At);
    change.write(Some(&value), expiry).await?;
    let entry = KvEntry {
        value,
        version: 0,
        expires_at,
    };
    Ok(with_etag(KvItemBody::whole(KvItem { key: key.0, entry })))
}

impl PutKv {
    fn read(&self, violations: &mut Violations) -> Option<KvValue> {
        let (field, value) = match (&self.value, &self.blob_base64) {
            (Some(value), None) => ("value", KvValue::Json(value.to_string())),
            (None, Some(text)) => {
                let bytes = STANDARD.decode(text);
                let bytes = bytes.map_err(|error| violations.add("blob_base64", error)).ok()?;
                ("blob_base64", KvValue::Blob(bytes))
            }
            _ => {
                violations.add("value", "give either `value` or `blob_base64`");
                return None;
            }
        };
        violations.require(
            value.bytes() <= VALUE_BYTES_MAX,
            field,
            format!("must have at most {VALUE_BYTES_MAX} bytes"),
        );
        Some(value)
    }
}
