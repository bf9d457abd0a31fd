//! Sign-in with a second factor, over time.

use std::time::Duration;

use picloud_shared::{second_factor::PROPOSAL_AGE_MAX, time::Clock as _};
use serde_json::{Value, json};

use crate::harness::{Answer, OWNER, TestManager, totp};

const STEP: Duration = Duration::from_secs(30);

/// A manager whose owner has a second factor, with the owner's token, the app's secret and the recovery codes. The
/// code of the present step was taken.
struct Protected {
    manager: TestManager,
    token: String,
    secret: String,
    recovery_codes: Vec<Value>,
}

impl Protected {
    async fn new() -> Self {
        let (manager, token) = TestManager::owned().await;
        let begin = json!({ "password": OWNER.1 });
        let path = "/api/v1/admin/auth/totp";
        let answer = manager.call(&token, "POST", path, Some(&begin)).await;
        let secret = answer.expect(201).json()["secret"]
            .as_str()
            .expect("a secret")
            .to_owned();
        let confirm = json!({ "code": totp(&secret, manager.clock.now(), 0) });
        let path = "/api/v1/admin/auth/totp:confirm";
        let confirmed = manager.call(&token, "POST", path, Some(&confirm)).await;
        let codes = confirmed.expect(200).json()["recovery_codes"].clone();
        Self {
            manager,
            token,
            secret,
            recovery_codes: codes.as_array().expect("a list").clone(),
        }
    }

    fn code(&self, off: i64) -> String {
        totp(&self.secret, self.manager.clock.now(), off)
    }

    async fn log_in(&self, password: &str, code: &str) -> Answer {
        let body = json!({ "username": OWNER.0, "password": password, "code": code });
        self.manager
            .send("POST", "/api/v1/admin/auth/login", &[], Some(&body))
            .await
    }
}

#[tokio::test]
async fn no_code_is_taken_twice_nor_an_earlier_one_after_a_later() {
    let ada = Protected::new().await;
    let used = ada.log_in(OWNER.1, &ada.code(0)).await;
    used.problem(401, "invalid_second_factor");
    ada.log_in(OWNER.1, &ada.code(1)).await.expect(200);
    ada.manager.clock.advance(STEP);
    let used = ada.log_in(OWNER.1, &ada.code(0)).await;
    used.problem(401, "invalid_second_factor");
    ada.manager.clock.advance(STEP);
    ada.log_in(OWNER.1, &ada.code(0)).await.expect(200);
    let earlier = ada.log_in(OWNER.1, &ada.code(-1)).await;
    earlier.problem(401, "invalid_second_factor");
}

#[tokio::test]
async fn a_clock_may_be_off_by_half_a_minute_and_no_more() {
    let ada = Protected::new().await;
    ada.manager.clock.advance(STEP * 10);
    for off in [-2, 2] {
        let stale = ada.log_in(OWNER.1, &ada.code(off)).await;
        stale.problem(401, "invalid_second_factor");
    }
    for off in [-1, 0, 1] {
        ada.log_in(OWNER.1, &ada.code(off)).await.expect(200);
    }
}

#[tokio::test]
async fn it_does_not_show_before_the_password_is_right() {
    let ada = Protected::new().await;
    let right_code = ada.code(1);
    for (password, code) in [("wrong", right_code.as_str()), ("wrong", "000000"), ("wrong", "")] {
        let refused = ada.log_in(password, code).await;
        refused.problem(401, "invalid_credentials");
    }
    let without = ada.manager.log_in(OWNER.0, OWNER.1).await;
    without.problem(401, "second_factor_required");
    // The code was not taken by those who had no password.
    ada.log_in(OWNER.1, &right_code).await.expect(200);
}

#[tokio::test]
async fn guessing_codes_is_slowed_down_and_the_password_alone_forgives_nothing() {
    let ada = Protected::new().await;
    for _ in 0..5 {
        let wrong = ada.log_in(OWNER.1, "12345").await;
        wrong.problem(401, "invalid_second_factor");
    }
    let slowed = ada.log_in(OWNER.1, &ada.code(1)).await;
    slowed.problem(429, "too_many_requests");
    ada.manager.clock.advance(Duration::from_secs(1));
    for _ in 0..3 {
        let without = ada.manager.log_in(OWNER.0, OWNER.1).await;
        without.problem(401, "second_factor_required");
    }
    let wrong = ada.log_in(OWNER.1, "12345").await;
    wrong.problem(401, "invalid_second_factor");
    let slowed = ada.log_in(OWNER.1, &ada.code(1)).await;
    assert_eq!(slowed.header("retry-after"), "2", "the sixth failure counts on");
    slowed.problem(429, "too_many_requests");
    ada.manager.clock.advance(Duration::from_secs(2));
    ada.log_in(OWNER.1, &ada.code(1)).await.expect(200);
}

#[tokio::test]
async fn a_recovery_code_is_good_once() {
    let ada = Protected::new().await;
    assert_eq!(ada.recovery_codes.len(), 10);
    let typed = |at: usize| {
        let code = ada.recovery_codes[at].as_str().expect("a code");
        code.to_lowercase().replace('-', " ")
    };
    for at in 0..10 {
        ada.log_in(OWNER.1, &typed(at)).await.expect(200);
        let again = ada.log_in(OWNER.1, &typed(at)).await;
        again.problem(401, "invalid_second_factor");
    }
    let path = "/api/v1/admin/auth/totp";
    let state = ada
        .manager
        .call(&ada.token, "GET", path, None)
        .await
        .expect(200)
        .json();
    assert_eq!(state, json!({ "enabled": true, "recovery_codes_left": 0 }));
}

#[tokio::test]
async fn a_secret_that_nobody_confirmed_ends() {
    let (manager, token) = TestManager::owned().await;
    let begin = json!({ "password": OWNER.1 });
    let propose = async || {
        let answer = manager
            .call(&token, "POST", "/api/v1/admin/auth/totp", Some(&begin))
            .await;
        let secret = answer.expect(201).json()["secret"].clone();
        secret.as_str().expect("a secret").to_owned()
    };
    let confirm = async |secret: &str| {
        let body = json!({ "code": totp(secret, manager.clock.now(), 0) });
        manager
            .call(&token, "POST", "/api/v1/admin/auth/totp:confirm", Some(&body))
            .await
    };
    let secret = propose().await;
    manager.clock.advance(PROPOSAL_AGE_MAX);
    confirm(&secret).await.problem(404, "not_found");
    let secret = propose().await;
    manager.clock.advance(PROPOSAL_AGE_MAX / 2);
    confirm(&secret).await.expect(200);
}

#[tokio::test]
async fn guessing_the_first_code_is_slowed_down() {
    let (manager, token) = TestManager::owned().await;
    let begin = json!({ "password": OWNER.1 });
    let answer = manager
        .call(&token, "POST", "/api/v1/admin/auth/totp", Some(&begin))
        .await;
    let secret = answer.expect(201).json()["secret"]
        .as_str()
        .expect("a secret")
        .to_owned();
    let confirm = async |code: &str| {
        let body = json!({ "code": code });
        manager
            .call(&token, "POST", "/api/v1/admin/auth/totp:confirm", Some(&body))
            .await
    };
    for _ in 0..5 {
        confirm("12345").await.problem(422, "validation_failed");
    }
    let code = totp(&secret, manager.clock.now(), 0);
    let slowed = confirm(&code).await;
    assert_eq!(slowed.header("retry-after"), "1");
    slowed.problem(429, "too_many_requests");
    manager.clock.advance(Duration::from_secs(1));
    confirm(&code).await.expect(200);
}
