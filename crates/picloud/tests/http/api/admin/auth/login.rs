//! `POST /api/v1/admin/auth/login`, and `me`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{OWNER, TestCloud};

#[test]
fn gives_a_token_a_cookie_and_the_user() {
    let cloud = TestCloud::start();
    let answer = cloud.log_in(OWNER.0, OWNER.1).expect(200);
    let cookie = answer.header("set-cookie").expect("a cookie").to_owned();
    let body = answer.json();
    let token = body["token"].as_str().expect("a token");
    assert!(token.len() >= 43, "256 bits: {token}");
    assert!(
        body["expires_at"]
            .as_str()
            .is_some_and(|text| text.ends_with('Z')),
        "{body}"
    );
    let fields: BTreeSet<&str> = body["user"]
        .as_object()
        .expect("a user")
        .keys()
        .map(String::as_str)
        .collect();
    let expected = [
        "id",
        "username",
        "email",
        "instance_role",
        "is_active",
        "created_at",
    ];
    assert_eq!(fields, BTreeSet::from(expected));

    for part in [
        "picloud_session=",
        "HttpOnly",
        "SameSite=Strict",
        "Path=/api/v1/admin",
    ] {
        assert!(cookie.contains(part), "no {part} in {cookie}");
    }
    assert!(!cookie.contains("Secure"), "not behind HTTPS: {cookie}");

    let me = cloud
        .anonymous()
        .with_token(token)
        .get("/admin/auth/me")
        .expect(200)
        .json();
    assert_eq!(me, body["user"]);
}

#[test]
fn names_are_compared_in_lower_case() {
    let cloud = TestCloud::start();
    cloud.log_in("ADA", OWNER.1).expect(200);
}

#[test]
fn wrong_names_and_wrong_passwords_answer_alike() {
    let cloud = TestCloud::start();
    let details: BTreeSet<String> = [
        ("ada", "wrong password"),
        ("nobody", OWNER.1),
        ("no name!", OWNER.1),
        ("ada", ""),
    ]
    .into_iter()
    .map(|(username, password)| {
        let problem = cloud
            .log_in(username, password)
            .problem(401, "invalid_credentials");
        problem["detail"].to_string()
    })
    .collect();
    assert_eq!(details.len(), 1, "{details:?}");
}

#[test]
fn guessing_is_slowed_down() {
    let cloud = TestCloud::start();
    let answer = (0..100)
        .map(|guess| cloud.log_in(OWNER.0, &format!("guess {guess}")))
        .find(|answer| answer.status != 401)
        .expect("100 guesses do not go through");
    let problem = answer.problem(429, "too_many_requests");
    assert_ne!(problem["detail"], Value::Null);
}

#[test]
fn a_token_that_is_none_is_no_credential() {
    let cloud = TestCloud::start();
    let long = "x".repeat(10_000);
    for token in ["", "x", &"A".repeat(43), &long] {
        cloud
            .anonymous()
            .with_token(token)
            .get("/admin/auth/me")
            .problem(401, "unauthenticated");
    }
    for value in ["Basic YWRhOmFkYQ==", "Bearer", "bearer", ""] {
        let call = cloud
            .anonymous()
            .call("GET", "/api/v1/admin/auth/me")
            .header("authorization", value);
        call.send().problem(401, "unauthenticated");
    }
}

#[test]
fn the_body_must_be_what_is_described() {
    let cloud = TestCloud::start();
    let login = |body: Value| cloud.anonymous().post("/admin/auth/login", &body);
    login(json!({ "username": "ada" })).problem(422, "validation_failed");
    login(json!({ "username": "ada", "password": 1 })).problem(422, "validation_failed");
    login(json!({ "username": "ada", "password": OWNER.1, "otp": "1" })).problem(422, "validation_failed");
}

#[test]
fn no_password_and_no_token_is_logged() {
    let cloud = TestCloud::with().flag("--log", "trace").start();
    let owner = cloud.sign_in(OWNER.0, OWNER.1);
    cloud.log_in(OWNER.0, "a wrong password").expect(401);
    owner.get("/admin/auth/me").expect(200);
    cloud.process().signal("TERM");
    cloud.process().wait();
    let log = cloud.process().log();
    assert!(!log.is_empty(), "nothing is logged");
    for secret in [OWNER.1, "a wrong password", owner.token()] {
        assert!(!log.contains(secret), "`{secret}` is in the log");
    }
}
