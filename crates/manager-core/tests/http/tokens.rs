//! API tokens over time.

use std::time::Duration;

use picloud_shared::{repository::TOKEN_TOUCH_INTERVAL_MIN, time::Clock as _};
use serde_json::{Value, json};

use crate::harness::TestManager;

const TOKENS: &str = "/api/v1/admin/tokens";
const ME: &str = "/api/v1/admin/auth/me";

#[tokio::test]
async fn a_token_ends_when_it_was_to_end() {
    let (manager, session) = TestManager::owned().await;
    let now = manager.clock.now();
    let body = json!({ "name": "deploy", "expires_at": now.plus(Duration::from_hours(48)) });
    let made = manager
        .call(&session, "POST", TOKENS, Some(&body))
        .await
        .expect(201)
        .json();
    let token = made["token"].as_str().expect("a token");
    manager.clock.advance(Duration::from_hours(47));
    manager.call(token, "GET", ME, None).await.expect(200);
    manager.clock.advance(Duration::from_hours(1));
    let ended = manager.call(token, "GET", ME, None).await;
    ended.problem(401, "unauthenticated");

    let past = json!({ "name": "late", "expires_at": now });
    let session = manager.log_in("ada", "correct horse battery").await.json()["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let refused = manager.call(&session, "POST", TOKENS, Some(&past)).await;
    let problem = refused.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["field"], "expires_at", "{problem}");
}

#[tokio::test]
async fn that_it_is_used_is_noted_once_a_minute() {
    let (manager, session) = TestManager::owned().await;
    let body = json!({ "name": "deploy" });
    let made = manager
        .call(&session, "POST", TOKENS, Some(&body))
        .await
        .expect(201)
        .json();
    let token = made["token"].as_str().expect("a token");
    let last_used = async || {
        let list = manager
            .call(&session, "GET", TOKENS, None)
            .await
            .expect(200)
            .json();
        list["items"][0]["last_used_at"].clone()
    };
    assert_eq!(last_used().await, Value::Null);
    manager.call(token, "GET", ME, None).await.expect(200);
    let first = last_used().await;
    assert_eq!(first, json!(manager.clock.now()));
    let almost = TOKEN_TOUCH_INTERVAL_MIN.saturating_sub(Duration::from_secs(1));
    manager.clock.advance(almost);
    manager.call(token, "GET", ME, None).await.expect(200);
    assert_eq!(last_used().await, first);
    manager.clock.advance(Duration::from_secs(1));
    manager.call(token, "GET", ME, None).await.expect(200);
    assert_eq!(last_used().await, json!(manager.clock.now()));
}
