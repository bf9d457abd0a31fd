//! What is refused leaves a record, too.

use serde_json::{Value, json};

use super::{actions, log, verify};
use crate::harness::{Client, OWNER, PASSWORD, TestCloud, totp};

#[test]
fn failed_sign_ins_and_wrong_setup_codes_leave_records() {
    let cloud = TestCloud::with().without_owner().start();
    let setup = |code: &str| {
        let body = json!({ "code": code, "username": OWNER.0, "password": OWNER.1 });
        cloud.anonymous().post("/admin/setup", &body)
    };
    setup("ABCD-EFGH-JKMN").problem(403, "invalid_setup_code");
    let code = cloud.process().announced("Setup code");
    setup(&code).expect(201);
    cloud.log_in(OWNER.0, "a wrong password").expect(401);
    cloud.log_in("a-password-as-a-name", OWNER.1).expect(401);

    let denied = log(&cloud, "&outcome=denied");
    assert_eq!(actions(&denied), ["log_in", "log_in", "set_up"]);
    for record in &denied {
        assert_eq!(record["chain"], "denials");
        assert_eq!(record["actor"]["id"], Value::Null);
        assert_eq!(record["actor"]["via"], "entrance");
        assert_eq!(record["address"], "127.0.0.1");
    }
    assert_eq!(denied[0]["reason"], "invalid_credentials");
    // Whose account it was about shows; a name that nobody has may be a password.
    let me = cloud.owner().get("/admin/auth/me").expect(200).json();
    assert_eq!(
        denied[1]["target"],
        json!({ "kind": "user", "id": me["id"], "name": OWNER.0 })
    );
    assert_eq!(denied[0]["target"]["kind"], "path");
    assert_eq!(denied[2]["reason"], "invalid_setup_code");
    let text = format!("{:?}", log(&cloud, ""));
    for secret in [
        OWNER.1,
        "a wrong password",
        "a-password-as-a-name",
        "ABCD-EFGH-JKMN",
        &code,
        cloud.owner().token(),
        "argon2",
    ] {
        assert!(!text.contains(secret), "`{secret}` is in the audit log");
    }
    verify(&cloud);
}

#[test]
fn what_another_site_sends_leaves_a_record() {
    let cloud = TestCloud::start();
    let cookie = format!("picloud_session={}", cloud.owner().token());
    let call = cloud.anonymous().call("POST", "/api/v1/admin/apps");
    call.header("cookie", &cookie)
        .header("origin", "http://evil.example")
        .json(&json!({ "slug": "shop", "name": "Shop" }))
        .send()
        .problem(403, "cross_site_request");
    let denied = log(&cloud, "&outcome=denied");
    assert_eq!(actions(&denied), ["create_app"]);
    assert_eq!(denied[0]["reason"], "cross_site_request");
    assert_eq!(
        denied[0]["target"],
        json!({ "kind": "path", "id": null, "name": "/api/v1/admin/apps" })
    );
}

#[test]
fn what_is_hidden_from_somebody_leaves_a_record_and_what_is_missing_none() {
    let cloud = TestCloud::start();
    let shop = cloud.app("shop");
    let script = shop.script("hello", "1");
    let (eve, bob) = (cloud.person("eve", "member"), cloud.person("bob", "admin"));
    eve.client.get(&shop.path("")).problem(404, "not_found");
    eve.client.delete(&script.path("")).problem(404, "not_found");
    let token = json!({ "name": "t", "app": "shop" });
    eve.client.post("/admin/tokens", &token).problem(404, "not_found");
    let above = json!({ "email": "a@b", "instance_role": "owner" });
    let above = cloud
        .owner()
        .post("/admin/invitations", &above)
        .expect(201)
        .json();
    let above = format!("/admin/invitations/{}", above["id"].as_str().expect("an id"));
    bob.client.delete(&above).problem(404, "not_found");

    // There is nothing that these could be kept from.
    eve.client
        .get("/admin/apps/no-such-app")
        .problem(404, "not_found");
    cloud.owner().delete(&above).expect(204);
    bob.client.delete(&above).problem(404, "not_found");

    let denied = log(&cloud, "&outcome=denied");
    assert_eq!(
        actions(&denied),
        ["delete_invitation", "create_token", "delete_script", "get_app"]
    );
    for record in &denied {
        assert_eq!(record["reason"], "not_found", "{record}");
    }
    for record in &denied[1..] {
        assert_eq!(record["actor"]["id"].as_str(), Some(&*eve.id), "{record}");
        assert_eq!(record["app_id"].as_str(), Some(&*shop.id), "{record}");
    }
    assert_eq!(denied[0]["actor"]["username"], "bob");
}

#[test]
fn wrong_secrets_leave_records_whatever_they_are_answered_with() {
    let cloud = TestCloud::start();
    let eve = cloud.person("eve", "member");
    let wrong = "a wrong password";
    let fails = |client: &Client, path: &str, body: &Value, status: u16| {
        let answer = client.post(path, body);
        assert_eq!(answer.status, status, "{}", answer.text());
    };
    let change = json!({ "current_password": wrong, "new_password": "an entirely new password" });
    fails(&eve.client, "/admin/auth/password", &change, 422);
    fails(
        &eve.client,
        "/admin/auth/totp",
        &json!({ "password": wrong }),
        422,
    );
    let begun = eve
        .client
        .post("/admin/auth/totp", &json!({ "password": PASSWORD }))
        .expect(201)
        .json();
    let secret = begun["secret"].as_str().expect("a secret");
    fails(
        &eve.client,
        "/admin/auth/totp:confirm",
        &json!({ "code": "12345" }),
        422,
    );
    let code = json!({ "code": totp(secret, 0) });
    eve.client.post("/admin/auth/totp:confirm", &code).expect(200);
    let proof = json!({ "password": PASSWORD, "code": "ABCD-EFGH-JKMN-PQRS-TUVW-XYZ2" });
    fails(&eve.client, "/admin/auth/totp:disable", &proof, 422);
    let token = format!("pci_{}", "x".repeat(43));
    for operation in ["preview", "accept"] {
        let body = json!({ "token": token, "password": PASSWORD });
        let body = if operation == "preview" {
            json!({ "token": token })
        } else {
            body
        };
        let path = format!("/admin/invitations:{operation}");
        fails(cloud.anonymous(), &path, &body, 404);
    }

    let denied = log(&cloud, "&outcome=denied");
    let found: Vec<(&str, &str)> = denied
        .iter()
        .map(|record| {
            let text = |field: &str| record[field].as_str().expect("a text");
            (text("action"), text("reason"))
        })
        .collect();
    assert_eq!(
        found,
        [
            ("accept_invitation", "invitation_invalid"),
            ("preview_invitation", "invitation_invalid"),
            ("disable_totp", "invalid_second_factor"),
            ("confirm_totp", "invalid_second_factor"),
            ("begin_totp", "invalid_credentials"),
            ("change_password", "invalid_credentials"),
        ]
    );
    let text = format!("{:?}", log(&cloud, ""));
    for secret in [wrong, PASSWORD, &token, secret, "ABCD-EFGH"] {
        assert!(!text.contains(secret), "`{secret}` is in the audit log");
    }
    verify(&cloud);
}

#[test]
fn attempts_without_a_record_are_counted_in_one_when_the_server_stops() {
    let cloud = TestCloud::start();
    let eve = cloud.person("eve", "member");
    for _ in 0..12 {
        eve.client.get("/admin/audit").problem(403, "forbidden");
    }
    let stand_for = |records: &[Value]| -> Vec<u64> {
        let attempts = |record: &Value| record["attempts"].as_u64().expect("a number");
        records.iter().map(attempts).collect()
    };
    assert_eq!(stand_for(&log(&cloud, "&outcome=denied")), [4, 1, 1, 1, 1]);

    cloud.process().signal("TERM");
    let (status, _) = cloud.process().wait();
    assert!(status.success(), "{status}");
    cloud.start_again();
    let denied = log(&cloud, "&outcome=denied");
    assert_eq!(stand_for(&denied), [4, 4, 1, 1, 1, 1]);
    assert_eq!(denied[0]["action"], "count_denials");
    assert_eq!(denied[0]["actor"]["via"], "server");
    assert_eq!(
        denied[0]["after"],
        json!({ "attempts": { "list_audit": 4 }, "persons": 1, "networks": 0 })
    );
    verify(&cloud);
}
