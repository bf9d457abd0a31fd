//! `/api/v1/admin/apps/{app}/deliveries`: events on their way to scripts, and what became of them.

pub(crate) mod change;
pub(crate) mod list;
pub(crate) mod queues;
pub(super) mod shown;

use picloud_shared::{
    audit::{DataChange, Target},
    change::Change,
    events::Delivery,
    id::{AppId, DeliveryId},
};
use serde_json::{Value, json};

use super::{access::Caller, problem::Answer};
use crate::Manager;

/// What the audit log says of a delivery: nothing of what it carries.
fn state(delivery: &Delivery) -> Value {
    json!({ "state": delivery.state })
}

/// A change of one delivery, for the log.
fn change_of(action: &'static str, delivery: DeliveryId, before: Value, after: Value) -> DataChange {
    DataChange {
        action,
        target: Target {
            kind: "delivery".to_owned(),
            id: Some(delivery.to_string()),
            name: None,
        },
        before: Some(before),
        after: Some(after),
    }
}

/// Notes in the log what was done.
async fn record(manager: &Manager, app: AppId, done: &DataChange, change: &Change) -> Answer<()> {
    Ok(manager.repository().record_data_change(app, done, change).await?)
}

/// Refuses whoever may not change it any more.
async fn begin(manager: &Manager, caller: &Caller, app: AppId) -> Answer<Change> {
    let change = caller.change(manager, None);
    manager.repository().confirm_data_change(app, &change).await?;
    Ok(change)
}
