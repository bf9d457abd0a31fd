//! What is done with what runs for events, and with deliveries.

use serde_json::{Value, json};

use super::{
    Act,
    Leaves::{After, Before, Both},
};

pub(super) const ACTS: &[Act] = &[
    (
        "create_subscription",
        After,
        |on| on.script(),
        |on, script| {
            let new = json!({ "name": "new", "script_id": script, "topic": "orders.*" });
            on.post(&on.app.path("/subscriptions"), &new);
        },
    ),
    (
        "update_subscription",
        Both,
        |on| on.binding("subscriptions"),
        |on, path| {
            on.patch(path, &json!({ "is_paused": true }));
        },
    ),
    (
        "delete_subscription",
        Before,
        |on| on.binding("subscriptions"),
        |on, path| {
            on.delete(path);
        },
    ),
    (
        "create_schedule",
        After,
        |on| on.script(),
        |on, script| {
            let new = json!({ "name": "new", "script_id": script, "schedule": { "kind": "every", "seconds": 31_622_400 } });
            on.post(&on.app.path("/schedules"), &new);
        },
    ),
    (
        "update_schedule",
        Both,
        |on| on.binding("schedules"),
        |on, path| {
            on.patch(path, &json!({ "is_paused": true }));
        },
    ),
    (
        "delete_schedule",
        Before,
        |on| on.binding("schedules"),
        |on, path| {
            on.delete(path);
        },
    ),
    (
        "cancel_delivery",
        Both,
        |on| on.delivery("waiting"),
        |on, path| {
            on.change("POST", &format!("{path}:cancel"), &Value::Null);
        },
    ),
    (
        "redrive_delivery",
        Both,
        |on| on.delivery("dead"),
        |on, path| {
            on.post(&format!("{path}:redrive"), &json!({}));
        },
    ),
    (
        "redrive_deliveries",
        After,
        |on| on.delivery("dead"),
        |on, _| {
            on.post(&on.app.path("/deliveries:redrive"), &json!({}));
        },
    ),
    (
        "purge_deliveries",
        After,
        |on| on.delivery("dead"),
        |on, _| {
            on.post(&on.app.path("/deliveries:purge"), &json!({}));
        },
    ),
];
