//! What is done with the data and the users of apps.

use serde_json::{Value, json};

use super::{
    Act,
    Leaves::{After, Before, Both},
};
use crate::api::admin::audit::stage::{NEW_PASSWORD, nothing};

pub(super) const ACTS: &[Act] = &[
    ("put_kv", After, nothing, |on, _| {
        on.change("PUT", &on.app.path("/kv/new"), &json!({ "value": 1 }));
    }),
    (
        "delete_kv",
        Before,
        |on| on.key(),
        |on, key| {
            on.delete(&on.app.path(&format!("/kv/{key}")));
        },
    ),
    ("create_end_user", After, nothing, |on, _| {
        on.post(
            &on.app.path("/users"),
            &json!({ "name": "New", "password": NEW_PASSWORD }),
        );
    }),
    (
        "update_end_user",
        Both,
        |on| on.end_user(),
        |on, user| {
            on.patch(
                &on.app.path(&format!("/users/{user}")),
                &json!({ "name": "Better" }),
            );
        },
    ),
    (
        "end_end_user_sessions",
        Both,
        |on| on.end_user(),
        |on, user| {
            on.change(
                "POST",
                &on.app.path(&format!("/users/{user}/sessions:end")),
                &Value::Null,
            );
        },
    ),
    (
        "delete_end_user",
        Before,
        |on| on.end_user(),
        |on, user| {
            on.delete(&on.app.path(&format!("/users/{user}")));
        },
    ),
    ("create_collection", After, nothing, |on, _| {
        on.post(&on.app.path("/collections"), &json!({ "name": "new" }));
    }),
    (
        "delete_collection",
        Before,
        |on| on.collection(),
        |on, name| {
            on.delete(&on.app.path(&format!("/collections/{name}")));
        },
    ),
    (
        "update_collection",
        Both,
        |on| on.collection(),
        |on, name| {
            let path = on.app.path(&format!("/collections/{name}"));
            on.patch(&path, &json!({ "indexes": [{ "path": "a" }] }));
        },
    ),
    (
        "create_document",
        After,
        |on| on.collection(),
        |on, name| {
            let path = on.app.path(&format!("/collections/{name}/documents"));
            on.post(&path, &json!({ "document": { "a": 1 } }));
        },
    ),
    (
        "replace_document",
        Both,
        |on| on.document(),
        |on, path| {
            on.change("PUT", path, &json!({ "document": { "a": 2 } }));
        },
    ),
    (
        "patch_document",
        Both,
        |on| on.document(),
        |on, path| on.patch(path, &json!({ "document": { "a": 2 } })),
    ),
    (
        "delete_document",
        Before,
        |on| on.document(),
        |on, path| {
            on.delete(path);
        },
    ),
    (
        "import_documents",
        After,
        |on| on.collection(),
        |on, name| {
            let path = on.app.path(&format!("/collections/{name}/documents:import"));
            on.post(&path, &json!({ "document": { "a": 1 } }));
        },
    ),
    ("import_end_users", After, nothing, |on, _| {
        on.post(&on.app.path("/users:import"), &json!({ "name": "imported" }));
    }),
    ("import_kv", After, nothing, |on, _| {
        on.post(&on.app.path("/kv:import"), &json!({ "key": "i", "value": 1 }));
    }),
];
