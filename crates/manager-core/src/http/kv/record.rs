//! Changes of data, and what the audit log says of them.

use picloud_shared::{
    audit::{DataChange, Recorded, Target},
    id::AppId,
    services::{KvEntry, KvValue, Write},
};
use serde_json::{Value, json};

use super::{KvKind, commit};
use crate::{
    Manager,
    http::{access::Caller, problem::Answer},
};

/// What the log says of a value: never the value itself, which may be anybody's secret.
pub(super) fn state(value: &KvValue) -> Value {
    json!({ "type": KvKind::of(value), "bytes": value.bytes() })
}

/// Writes one key, and records it.
pub(super) async fn write(
    manager: &Manager,
    caller: &Caller,
    app: AppId,
    action: &'static str,
    before: Option<&KvEntry>,
    write: Write,
) -> Answer<()> {
    let done = DataChange {
        action,
        target: Target {
            kind: "key".to_owned(),
            id: Some(write.key.clone()),
            name: Some(write.key.clone()),
        },
        before: before.map(|entry| state(&entry.value)),
        after: write.value.as_ref().map(state),
    };
    let change = caller.change(manager, None);
    manager.repository().confirm_data_change(app, &change).await?;
    let recorded = Recorded { done, change };
    commit(manager, caller, app, vec![write], Some(Box::new(recorded))).await
}
