//! Every operation that changes something leaves one record.

mod apps;
mod data;
mod events;
mod people;

use std::collections::BTreeSet;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::json;

use super::{
    actions, log,
    stage::{NEW_PASSWORD, Stage},
    verify,
};
use crate::harness::{OWNER, PASSWORD, TestCloud};

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

/// Every operation that changes something. Those on apps come last, as one of them restarts the server.
fn every_act() -> impl Iterator<Item = &'static Act> {
    [data::ACTS, events::ACTS, people::ACTS, apps::ACTS]
        .into_iter()
        .flatten()
}

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
    let acts: BTreeSet<&str> = every_act().map(|(action, ..)| *action).collect();
    assert_eq!(
        acts, changing,
        "what changes something is in the audit log, and in this test"
    );

    let mut secrets = BTreeSet::new();
    for (number, (action, leaves, prepare, act)) in every_act().enumerate() {
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
