//! Every operation that changes something leaves one record.

use std::collections::BTreeSet;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};

use super::{
    actions, log,
    stage::{NEW_PASSWORD, Stage, id, nothing},
    verify,
};
use crate::harness::{OWNER, PASSWORD, TestCloud, totp};

use self::Leaves::{After, Before, Both};

/// Which states a record has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaves {
    Before,
    After,
    Both,
}

/// One operation: what must be there before, what is then done with it, and what the record of that has.
type Act = (
    &'static str,
    Leaves,
    fn(&Stage<'_>) -> String,
    fn(&Stage<'_>, &str),
);

/// Every operation that changes something.
const ACTS: &[Act] = &[
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
        "add_member",
        After,
        |on| on.account(),
        |on, account| {
            on.app.admit(account, "viewer");
        },
    ),
    (
        "update_member",
        Both,
        |on| on.member(),
        |on, member| {
            let path = on.app.path(&format!("/members/{member}"));
            on.patch(&path, &json!({ "role": "editor" }));
        },
    ),
    (
        "remove_member",
        Before,
        |on| on.member(),
        |on, member| {
            on.delete(&on.app.path(&format!("/members/{member}")));
        },
    ),
    ("create_user", After, nothing, |on, _| {
        on.account();
    }),
    (
        "update_user",
        Both,
        |on| on.account(),
        |on, account| {
            let email = json!({ "email": "new@example.com" });
            on.patch(&format!("/admin/admins/{account}"), &email);
        },
    ),
    (
        "delete_user",
        Before,
        |on| on.account(),
        |on, account| {
            on.delete(&format!("/admin/admins/{account}"));
        },
    ),
    ("log_out", Before, nothing, |on, _| {
        on.change("POST", "/admin/auth/logout", &Value::Null);
    }),
    (
        "delete_session",
        Before,
        |on| on.session(),
        |on, session| {
            on.delete(&format!("/admin/auth/sessions/{session}"));
        },
    ),
    (
        "begin_totp",
        After,
        |on| on.person(),
        |on, _| {
            on.as_person("POST", "/admin/auth/totp", &json!({ "password": PASSWORD }));
        },
    ),
    (
        "confirm_totp",
        Both,
        |on| on.proposed_factor(),
        |on, secret| {
            on.confirm_factor(secret);
        },
    ),
    (
        "renew_recovery_codes",
        Both,
        |on| on.factor(),
        |on, secret| {
            let proof = json!({ "password": PASSWORD, "code": totp(secret, 1) });
            on.as_person("POST", "/admin/auth/totp:recovery-codes", &proof);
        },
    ),
    (
        "disable_totp",
        Before,
        |on| on.factor(),
        |on, secret| {
            let proof = json!({ "password": PASSWORD, "code": totp(secret, 1) });
            on.as_person("POST", "/admin/auth/totp:disable", &proof);
        },
    ),
    (
        "change_password",
        After,
        |on| on.person(),
        |on, _| {
            let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
            on.as_person("POST", "/admin/auth/password", &change);
        },
    ),
    (
        "delete_sessions",
        Before,
        |on| on.person(),
        |on, _| {
            on.as_person("DELETE", "/admin/auth/sessions", &Value::Null);
        },
    ),
    ("create_token", After, nothing, |on, _| {
        on.token();
    }),
    (
        "delete_token",
        Before,
        |on| id(&on.token()),
        |on, token| {
            on.delete(&format!("/admin/tokens/{token}"));
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
    ("create_invitation", After, nothing, |on, _| {
        on.invitation();
    }),
    (
        "delete_invitation",
        Before,
        |on| id(&on.invitation()),
        |on, invitation| {
            on.delete(&format!("/admin/invitations/{invitation}"));
        },
    ),
    (
        "accept_invitation",
        Both,
        |on| on.invitation()["token"].as_str().expect("a token").to_owned(),
        |on, token| {
            let body = json!({ "token": token, "password": PASSWORD });
            on.anonymously("POST", "/admin/invitations:accept", &body);
        },
    ),
];

#[test]
fn every_operation_that_changes_something_leaves_one_record_without_secrets() {
    let cloud = TestCloud::with().flag("--serving-threads", "1").start();
    let document = cloud.get("localhost", "/api/v1/openapi.json").expect(200).json();
    let operations = document["paths"].as_object().expect("paths").values();
    let changing: BTreeSet<&str> = operations
        .flat_map(|item| item.as_object().expect("operations").values())
        .filter(|operation| operation["x-effect"] == "changes")
        .filter_map(|operation| operation["operationId"].as_str())
        .collect();
    let acts: BTreeSet<&str> = ACTS.iter().map(|(action, ..)| *action).collect();
    assert_eq!(
        acts, changing,
        "what changes something is in the audit log, and in this test"
    );

    let mut secrets = BTreeSet::new();
    for (number, (action, leaves, prepare, act)) in ACTS.iter().enumerate() {
        let stage = Stage::new(&cloud, number);
        let thing = prepare(&stage);
        let before = verify(&cloud)["records"].as_u64().expect("a number");
        act(&stage, &thing);
        let after = verify(&cloud)["records"].as_u64().expect("a number");
        assert_eq!(after, before + 1, "{action}");
        let newest = cloud.owner().get("/admin/audit?limit=1").expect(200).json();
        let newest = &newest["items"][0];
        assert_eq!(newest["action"], *action, "{newest}");
        assert_eq!(newest["actor"]["username"], stage.actor(), "{action}: {newest}");
        assert_eq!(newest["outcome"], "allowed", "{action}");
        let states = match (newest["before"].is_null(), newest["after"].is_null()) {
            (false, true) => Before,
            (true, false) => After,
            (false, false) => Both,
            (true, true) => panic!("{action} says nothing: {newest}"),
        };
        assert_eq!(states, *leaves, "{action}: {newest}");
        secrets.extend(stage.secrets());
    }
    // Each kind of secret came by: otherwise none of it could be found.
    for kind in ["pcs_", "pct_", "pci_"] {
        assert!(
            secrets.iter().any(|secret| secret.starts_with(kind)),
            "no `{kind}`"
        );
    }
    assert!(secrets.len() > 40, "{}", secrets.len());
    secrets.extend([OWNER.1, PASSWORD, NEW_PASSWORD].map(str::to_owned));
    let shown = cloud.owner().get("/admin/audit?limit=200").expect(200).text();
    let kept = String::from_utf8_lossy(&cloud.dump()).into_owned();
    assert!(kept.contains("renew_recovery_codes"), "the dump has the log");
    for secret in &secrets {
        for form in forms(secret) {
            assert!(!shown.contains(&form), "`{secret}` is in the audit log");
            assert!(!kept.contains(&form), "`{secret}` is in the database");
        }
    }
}

/// The ways in which a secret may stand somewhere.
fn forms(secret: &str) -> [String; 4] {
    [
        secret.to_owned(),
        hex::encode(secret),
        STANDARD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
    ]
}

#[test]
fn what_concerns_an_account_leaves_its_records_without_secrets() {
    let cloud = TestCloud::start();
    let eve = cloud.person("eve", "member");
    let other = cloud.sign_in("eve", PASSWORD);
    let secret = eve
        .client
        .post("/admin/auth/totp", &json!({ "password": PASSWORD }))
        .expect(201)
        .json();
    let secret = secret["secret"].as_str().expect("a secret").to_owned();
    let new = "an entirely new password";
    let change = json!({ "current_password": PASSWORD, "new_password": new });
    eve.client.post("/admin/auth/password", &change).expect(204);
    eve.client.delete("/admin/auth/sessions").expect(204);

    let records = log(&cloud, "&actor=eve");
    let mut done = actions(&records);
    done.reverse();
    assert_eq!(
        done,
        [
            "log_in",
            "log_in",
            "begin_totp",
            "change_password",
            "delete_sessions"
        ]
    );
    let text = format!("{:?}", log(&cloud, ""));
    let secrets = [
        PASSWORD,
        new,
        &secret,
        eve.client.token(),
        other.token(),
        "argon2",
    ];
    for secret in secrets {
        assert!(!text.contains(secret), "`{secret}` is in the audit log");
    }
    verify(&cloud);
}
