//! `/api/v1/admin/apps/{app}/kv`: the keys and values of an app, as people see and change them.
//!
//! What is changed here goes the way of a script's commit, so that a run that has read the key meets a conflict.

pub(crate) mod delete;
pub(crate) mod export;
pub(crate) mod get;
pub(crate) mod import;
pub(crate) mod list;
pub(crate) mod put;
mod record;

use std::{convert::Infallible, str::FromStr, time::Duration};

use axum::{Json, response::IntoResponse};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use picloud_shared::{
    audit::Recorded,
    id::AppId,
    problem::Code,
    services::{
        Answer as Answered, Commit, KEY_BYTES_MAX, KvEntry, KvItem, KvValue, Question, ServiceError, Write,
        is_reserved,
    },
    time::Timestamp,
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    access::Caller,
    etag::{etag, version_of},
    extract::{Named, named_by},
    problem::{Answer, Refusal, internal, not_found, problem, sentence, too_many},
};
use crate::Manager;

/// Larger values are left out of lists.
const LISTED_VALUE_BYTES_MAX: usize = 4 * 1_024;

/// When it may help to try again what was refused because too many events wait.
const QUEUE_FULL_PAUSE: Duration = Duration::from_secs(5);

/// A key with its value.
#[derive(Serialize, ToSchema)]
#[schema(as = KvItem)]
pub(crate) struct KvItemBody {
    key: String,
    #[serde(rename = "type")]
    kind: KvKind,
    /// The value, if it is JSON; null if it is a blob, or left out because it is large.
    #[schema(required, example = json!({ "name": "Ada" }))]
    value: Option<Value>,
    /// The value in Base64, if it is a blob.
    #[serde(skip_serializing_if = "Option::is_none")]
    blob_base64: Option<String>,
    /// The size of the value.
    bytes: usize,
    /// Changes with the value, and with when it ceases to be there. It is the `ETag` of the key, for a later `If-Match`.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015")]
    version: String,
    /// Whether the value is left out because it has more than 4,096 bytes; only in lists.
    truncated: bool,
    /// When it ceases to be there; null if never.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    expires_at: Option<Timestamp>,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KvKind {
    /// Anything that JSON can hold.
    Json,
    /// Bytes.
    Blob,
}

impl KvKind {
    pub(super) fn of(value: &KvValue) -> Self {
        match value {
            KvValue::Json(_) => Self::Json,
            KvValue::Blob(_) => Self::Blob,
        }
    }
}

impl KvItemBody {
    /// The whole item.
    fn whole(item: KvItem) -> Self {
        let KvItem { key, entry } = item;
        let (value, blob_base64) = match &entry.value {
            // What the executor has written is JSON.
            KvValue::Json(text) => (serde_json::from_str(text).ok(), None),
            KvValue::Blob(bytes) => (None, Some(STANDARD.encode(bytes))),
        };
        Self {
            key,
            kind: KvKind::of(&entry.value),
            value,
            blob_base64,
            bytes: entry.value.bytes(),
            version: version(&entry),
            truncated: false,
            expires_at: entry.expires_at.map(Timestamp::from_micros),
        }
    }

    /// The item as it stands in lists.
    fn listed(item: KvItem) -> Self {
        if item.entry.value.bytes() <= LISTED_VALUE_BYTES_MAX {
            return Self::whole(item);
        }
        Self {
            key: item.key,
            kind: KvKind::of(&item.entry.value),
            value: None,
            blob_base64: None,
            bytes: item.entry.value.bytes(),
            version: version(&item.entry),
            truncated: true,
            expires_at: item.entry.expires_at.map(Timestamp::from_micros),
        }
    }
}

/// Names what a key has.
fn version(entry: &KvEntry) -> String {
    let bytes = match &entry.value {
        KvValue::Json(text) => text.as_bytes(),
        KvValue::Blob(bytes) => bytes,
    };
    let about = json!([KvKind::of(&entry.value), entry.expires_at]).to_string();
    version_of(&[about.as_bytes(), bytes])
}

/// The key with its version as `ETag`, for a later `If-Match`.
fn with_etag(item: KvItemBody) -> impl IntoResponse {
    (etag(&item.version), Json(item))
}

/// A key in a path.
pub(crate) struct Key(String);

impl FromStr for Key {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(named_by(text).to_owned()))
    }
}

impl Named for Key {
    const NAME: &str = "key";
}

/// Whether scripts could have the key.
fn may_be_key(key: &str) -> bool {
    (1..=KEY_BYTES_MAX).contains(&key.len()) && !is_reserved(key)
}

impl Key {
    /// What it has, if it is there.
    async fn find(&self, manager: &Manager, app: AppId) -> Answer<Option<KvEntry>> {
        if !may_be_key(&self.0) {
            return Ok(None);
        }
        let keys = vec![self.0.clone()];
        match ask(manager, app, Question::KvGet { keys }).await? {
            Answered::Entries { entries } => Ok(entries.into_iter().next().flatten()),
            _ => Err(internal()),
        }
    }
}

/// One page of an app's items, and whether there are more.
pub(super) async fn page(
    manager: &Manager,
    app: AppId,
    prefix: &str,
    after: Option<String>,
    limit: u32,
) -> Answer<(Vec<KvItem>, bool)> {
    let question = Question::KvList {
        prefix: prefix.to_owned(),
        after,
        limit,
    };
    match ask(manager, app, question).await? {
        Answered::Page { items, more } => Ok((items, more)),
        _ => Err(internal()),
    }
}

/// Writes, whatever was there.
async fn commit(
    manager: &Manager,
    caller: &Caller,
    app: AppId,
    writes: Vec<Write>,
    audit: Option<Box<Recorded>>,
) -> Answer<()> {
    let commit = Commit {
        writes,
        writer: Some(caller.writer()),
        audit,
        ..Commit::default()
    };
    match ask(manager, app, Question::Commit(commit)).await? {
        Answered::Committed => Ok(()),
        Answered::Conflict { .. } => Err(problem(
            Code::Conflict,
            "Scripts changed the app's data all the time. Nothing was changed. Try again in a moment.",
        )),
        _ => Err(internal()),
    }
}

/// Asks what a script would ask.
pub(crate) async fn ask(manager: &Manager, app: AppId, question: Question) -> Answer<Answered> {
    manager.services().ask(app, question).await.map_err(refusal)
}

fn refusal(error: ServiceError) -> Refusal {
    match error {
        ServiceError::Unavailable => problem(
            Code::DatabaseUnavailable,
            "The database does not answer. Try again in a moment.",
        ),
        ServiceError::Full => problem(
            Code::InsufficientStorage,
            "The server's disk is full. Free some space, then try again.",
        ),
        ServiceError::QuotaExceeded(exceeded) => problem(Code::QuotaExceeded, sentence(&exceeded)),
        ServiceError::QueueFull => too_many(
            QUEUE_FULL_PAUSE,
            "As many events of the app wait as may, and scripts subscribe to this change. Nothing was changed. Try again \
             when fewer wait.",
        ),
        ServiceError::LoopDetected => problem(Code::LoopDetected, sentence(&error)),
        ServiceError::CommitUnknown => problem(
            Code::CommitUnknown,
            "The database was lost while this was stored. Look whether it is there before you try again.",
        ),
        ServiceError::AppGone => not_found("app"),
        // Nothing that is asked here publishes.
        ServiceError::Failed | ServiceError::NoBroker | ServiceError::MessagesFull => internal(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_changes_with_what_is_there_and_with_its_end() {
        let entry = |value: KvValue, expires_at: Option<i64>| KvEntry {
            value,
            version: 7,
            expires_at,
        };
        let json = |text: &str| KvValue::Json(text.to_owned());
        let versions: Vec<String> = [
            entry(json("1"), None),
            entry(json("1.0"), None),
            entry(KvValue::Blob(b"1".to_vec()), None),
            entry(json("1"), Some(0)),
            entry(json("1"), Some(1)),
        ]
        .iter()
        .map(version)
        .collect();
        for (place, one) in versions.iter().enumerate() {
            assert!(!versions[place + 1..].contains(one), "{versions:?}");
        }
        let again = KvEntry {
            version: 8,
            ..entry(json("1"), None)
        };
        assert_eq!(version(&again), versions[0]);
    }
}
