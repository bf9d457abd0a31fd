//! `/api/v1/admin/auth/totp`: the second factor of the account.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::harness::{Answer, Client, OWNER, TestCloud, totp};

/// Puts a second factor in force; gives the app's secret and the recovery codes.
fn protect(owner: &Client) -> (String, Vec<String>) {
    let begun = owner
        .post("/admin/auth/totp", &json!({ "password": OWNER.1 }))
        .expect(201)
        .json();
    let secret = begun["secret"].as_str().expect("a secret").to_owned();
    assert!(
        begun["uri"]
            .as_str()
            .is_some_and(|uri| uri.starts_with("otpauth://totp/PiCloud:ada?") && uri.contains(&secret)),
        "{begun}"
    );
    let confirmed = owner
        .post("/admin/auth/totp:confirm", &json!({ "code": totp(&secret, 0) }))
        .expect(200)
        .json();
    let codes = confirmed["recovery_codes"].as_array().expect("a list");
    let codes = codes
        .iter()
        .map(|code| code.as_str().expect("a code").to_owned())
        .collect();
    (secret, codes)
}

fn log_in(cloud: &TestCloud, code: &str) -> Answer {
    let body = json!({ "username": OWNER.0, "password": OWNER.1, "code": code });
    cloud.anonymous().post("/admin/auth/login", &body)
}

fn state(owner: &Client) -> Value {
    owner.get("/admin/auth/totp").expect(200).json()
}

#[test]
fn sign_in_asks_for_a_code_once_one_was_confirmed() {
    let cloud = TestCloud::start();
    let owner = cloud.owner();
    let elsewhere = cloud.sign_in(OWNER.0, OWNER.1);
    assert_eq!(
        state(owner),
        json!({ "enabled": false, "recovery_codes_left": 0 })
    );
    owner
        .post("/admin/auth/totp", &json!({ "password": OWNER.1 }))
        .expect(201);
    // What is not confirmed asks nobody for anything.
    cloud.log_in(OWNER.0, OWNER.1).expect(200);
    let wrong = owner
        .post("/admin/auth/totp:confirm", &json!({ "code": "12345" }))
        .problem(422, "validation_failed");
    assert_eq!(wrong["errors"][0]["field"], "code", "{wrong}");

    let (secret, codes) = protect(owner);
    assert_eq!(
        state(owner),
        json!({ "enabled": true, "recovery_codes_left": 10 })
    );
    elsewhere.get("/admin/auth/me").problem(401, "unauthenticated");
    cloud
        .log_in(OWNER.0, OWNER.1)
        .problem(401, "second_factor_required");
    log_in(&cloud, "12345").problem(401, "invalid_second_factor");
    let code = totp(&secret, 1);
    log_in(&cloud, &code).expect(200);
    log_in(&cloud, &code).problem(401, "invalid_second_factor");
    log_in(&cloud, &codes[0]).expect(200);
    log_in(&cloud, &codes[0]).problem(401, "invalid_second_factor");
    assert_eq!(state(owner), json!({ "enabled": true, "recovery_codes_left": 9 }));
}

#[test]
fn it_is_changed_only_with_password_and_code() {
    let cloud = TestCloud::start();
    let owner = cloud.owner();
    let wrong = owner
        .post("/admin/auth/totp", &json!({ "password": "wrong" }))
        .problem(422, "validation_failed");
    assert_eq!(wrong["errors"][0]["field"], "password", "{wrong}");
    let both = |password: &str, code: &str| json!({ "password": password, "code": code });
    for path in ["/admin/auth/totp:disable", "/admin/auth/totp:recovery-codes"] {
        owner
            .post(path, &both(OWNER.1, "123456"))
            .problem(404, "not_found");
    }
    owner
        .post("/admin/auth/totp:confirm", &json!({ "code": "123456" }))
        .problem(404, "not_found");

    let (_, codes) = protect(owner);
    owner
        .post("/admin/auth/totp", &json!({ "password": OWNER.1 }))
        .problem(409, "second_factor_enabled");
    owner
        .post("/admin/auth/totp:confirm", &json!({ "code": "123456" }))
        .problem(409, "second_factor_enabled");
    for (password, code, field) in [
        ("wrong", codes[0].as_str(), "password"),
        (OWNER.1, "12345", "code"),
    ] {
        let refused = owner
            .post("/admin/auth/totp:disable", &both(password, code))
            .problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
    let renewed = owner
        .post("/admin/auth/totp:recovery-codes", &both(OWNER.1, &codes[0]))
        .expect(200)
        .json();
    let new = renewed["recovery_codes"][0].as_str().expect("a code");
    log_in(&cloud, &codes[1]).problem(401, "invalid_second_factor");
    owner
        .post("/admin/auth/totp:disable", &both(OWNER.1, new))
        .expect(204);
    assert_eq!(
        state(owner),
        json!({ "enabled": false, "recovery_codes_left": 0 })
    );
    cloud.log_in(OWNER.0, OWNER.1).expect(200);
}

#[test]
fn of_many_who_bring_one_recovery_code_at_once_one_is_signed_in() {
    let cloud = TestCloud::start();
    let (_, codes) = protect(cloud.owner());
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let attempts: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| log_in(&cloud, &codes[0]).status))
            .collect();
        attempts
            .into_iter()
            .map(|attempt| attempt.join().expect("an answer"))
            .collect()
    });
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        1,
        "{statuses:?}"
    );
}

#[test]
fn a_reset_on_the_machine_removes_it() {
    let cloud = TestCloud::start();
    protect(cloud.owner());
    cloud.kill9();
    let mut child = cloud
        .command()
        .args(["admin", "reset-password", OWNER.0])
        .stdin(Stdio::piped())
        .spawn()
        .expect("picloud can be started");
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    std::io::Write::write_all(&mut stdin, b"a new password\n").expect("it reads");
    drop(stdin);
    assert!(child.wait().expect("picloud ends").success());
    cloud.start_again();
    cloud.log_in(OWNER.0, "a new password").expect(200);
}

#[test]
fn a_lost_key_stops_the_server_until_it_is_forgotten_on_the_machine() {
    let cloud = TestCloud::start();
    protect(cloud.owner());
    cloud.kill9();
    let data = if TestCloud::is_on_postgres() {
        "picloud-data"
    } else {
        "data"
    };
    let key = cloud.folder().join(data).join("secret.key");
    let kept = std::fs::read(&key).expect("there is a key");
    std::fs::remove_file(&key).expect("it can be removed");
    let run = |args: &[&str]| {
        let output = cloud
            .command()
            .args(args)
            .output()
            .expect("picloud can be started");
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (started, said) = run(&[]);
    assert!(!started && said.contains("secret.key is missing"), "{said}");

    // The same file elsewhere is as good.
    let elsewhere = cloud.folder().join("elsewhere.key");
    std::fs::write(&elsewhere, kept).expect("it can be written");
    cloud.start_again_with(|command| {
        command.env("PICLOUD_SECRET_KEY_FILE", &elsewhere);
    });
    cloud
        .log_in(OWNER.0, OWNER.1)
        .problem(401, "second_factor_required");
    cloud.kill9();

    let (forgotten, said) = run(&["admin", "forget-secret-key"]);
    assert!(forgotten && said.contains("1 second factor"), "{said}");
    cloud.start_again();
    cloud.log_in(OWNER.0, OWNER.1).expect(200);
}
