//! What is done with apps, their settings, scripts, routes and releases.

use serde_json::json;

use super::{
    Act,
    Leaves::{After, Before, Both},
};
use crate::api::admin::audit::stage::nothing;

pub(super) const ACTS: &[Act] = &[
    ("create_app", After, nothing, |on, _| {
        on.post("/admin/apps", &json!({ "slug": on.name(), "name": "New" }));
    }),
    ("update_app", Both, nothing, |on, _| {
        on.patch(&on.app.path(""), &json!({ "slug": on.name() }));
    }),
    (
        "delete_app",
        Before,
        |on| on.script(),
        |on, _| {
            on.delete(&on.app.path("?force=true"));
        },
    ),
    ("add_domain", After, nothing, |on, _| {
        on.post(&on.app.path("/domains"), &json!({ "pattern": "new.test" }));
    }),
    (
        "remove_domain",
        Before,
        |on| on.domain(),
        |on, domain| {
            on.delete(&on.app.path(&format!("/domains/{domain}")));
        },
    ),
    ("update_quotas", Both, nothing, |on, _| {
        on.patch(&on.app.path("/quotas"), &json!({ "data_rows_max": 1_000 }));
    }),
    ("put_egress", Both, nothing, |on, _| {
        on.put(&on.app.path("/egress"), &json!({ "allow": ["*.example.com"] }));
    }),
    (
        "put_smtp",
        Both,
        |on| on.mail_server(),
        |on, smtp| {
            let server = json!({ "host": "mail.example.com", "security": "tls", "username": "eve",
                "password": "another canary", "from": ["eve@example.com"] });
            on.change("PUT", smtp, &server);
        },
    ),
    (
        "delete_smtp",
        Before,
        |on| on.mail_server(),
        |on, smtp| {
            on.delete(smtp);
        },
    ),
    ("test_smtp", After, nothing, |on, _| {
        on.post(&on.app.path("/smtp:test"), &json!({ "to": "ada@example.com" }));
    }),
    (
        "put_broker",
        Both,
        |on| on.broker(),
        |on, broker| {
            let other = json!({ "url": "mqtts://broker.example.com", "username": "eve", "is_paused": true,
                "password": "another broker canary", "filters": [{ "filter": "a/#" }] });
            on.change("PUT", broker, &other);
        },
    ),
    (
        "delete_broker",
        Before,
        |on| on.broker(),
        |on, broker| {
            on.delete(broker);
        },
    ),
    ("create_script", After, nothing, |on, _| {
        let script = json!({ "app_id": on.app.id, "name": "new", "source": "1" });
        on.post("/admin/scripts", &script);
    }),
    (
        "update_script",
        Both,
        |on| on.script(),
        |on, script| {
            let better = json!({ "source": "3", "note": "better" });
            on.patch(&format!("/admin/scripts/{script}"), &better);
        },
    ),
    ("run_script", After, nothing, |on, _| {
        let run = json!({ "source": "kv::set(\"a\", 1)", "keep_writes": true });
        on.post(&on.app.path("/scripts:run"), &run);
    }),
    (
        "roll_back_script",
        Both,
        |on| on.script(),
        |on, script| {
            on.post(
                &format!("/admin/scripts/{script}/rollback"),
                &json!({ "version": 1 }),
            );
        },
    ),
    (
        "delete_script",
        Before,
        |on| on.script(),
        |on, script| {
            on.delete(&format!("/admin/scripts/{script}"));
        },
    ),
    (
        "create_route",
        After,
        |on| on.script(),
        |on, script| {
            let route = json!({ "script_id": script, "path": "/new", "methods": ["GET"] });
            on.post("/admin/routes", &route);
        },
    ),
    (
        "update_route",
        Both,
        |on| on.route(),
        |on, route| {
            on.patch(&format!("/admin/routes/{route}"), &json!({ "path": "/other" }));
        },
    ),
    (
        "delete_route",
        Before,
        |on| on.route(),
        |on, route| {
            on.delete(&format!("/admin/routes/{route}"));
        },
    ),
    (
        "set_secret",
        Both,
        |on| on.secret(),
        |on, secret| {
            on.change("PUT", secret, &json!({ "value": "a fine canary" }));
        },
    ),
    (
        "delete_secret",
        Before,
        |on| on.secret(),
        |on, secret| {
            on.delete(secret);
        },
    ),
    (
        "set_config",
        Both,
        |on| on.config(),
        |on, config| {
            on.change("PUT", config, &json!({ "value": [1, 2] }));
        },
    ),
    (
        "delete_config",
        Before,
        |on| on.config(),
        |on, config| {
            on.delete(config);
        },
    ),
    ("create_release", Both, nothing, |on, _| {
        let bundle = json!({ "scripts": [{ "name": "deployed", "source": "1" }], "routes": [] });
        on.post(&on.app.path("/releases"), &bundle);
    }),
    (
        "restore_release",
        Both,
        |on| on.script(),
        |on, _| {
            on.post(&on.app.path("/releases/1:restore"), &json!({ "note": "back" }));
        },
    ),
    (
        "resume_script",
        Both,
        |on| on.suspended_script(),
        |on, script| {
            on.post(&format!("/admin/scripts/{script}/resume"), &json!({}));
        },
    ),
];
