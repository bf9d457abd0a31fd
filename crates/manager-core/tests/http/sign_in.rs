//! Sessions, cookies and guessing.

use std::time::Duration;

use picloud_shared::repository::SESSION_TOUCH_INTERVAL_MIN;
use serde_json::json;

use crate::harness::{OWNER, TestManager};

const ME: &str = "/api/v1/admin/auth/me";

#[tokio::test]
async fn a_session_slides() {
    let (manager, token) = TestManager::owned().await;
    for _ in 0..3 {
        manager.clock.advance(Duration::from_hours(23));
        manager.call(&token, "GET", ME, None).await.expect(200);
    }
    manager.clock.advance(Duration::from_hours(24));
    manager
        .call(&token, "GET", ME, None)
        .await
        .problem(401, "unauthenticated");
}

#[tokio::test]
async fn no_session_outlives_thirty_days() {
    let (manager, token) = TestManager::owned().await;
    let cookie = format!("picloud_session={token}");
    let me = async || manager.send("GET", ME, &[("cookie", &cookie)], None).await;
    for _ in 0..29 {
        manager
            .clock
            .advance(Duration::from_hours(24) - Duration::from_secs(1));
        me().await.expect(200);
    }
    manager.clock.advance(Duration::from_secs(29));
    let last = me().await.expect(200);
    assert_eq!(last.header("set-cookie"), "", "used just now");
    manager.clock.advance(Duration::from_hours(12));
    let last = me().await.expect(200);
    assert!(
        last.header("set-cookie").contains("Max-Age=43200;"),
        "{:?}",
        last.headers
    );
    manager.clock.advance(Duration::from_hours(12));
    me().await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_cookie_that_an_app_planted_signs_nobody_out() {
    let (manager, token) = TestManager::owned().await;
    for cookies in [
        format!("picloud_session=pcs_planted; picloud_session={token}"),
        format!("picloud_session={token}; picloud_session=pcs_planted"),
        format!("picloud_session=; picloud_session=x; picloud_session={token}"),
    ] {
        manager
            .send("GET", ME, &[("cookie", &cookies)], None)
            .await
            .expect(200);
    }
    // As many as a browser keeps for a domain, each as it might be.
    let planted = |number: usize| format!("picloud_session=pcs_{number:03}{}; ", "A".repeat(40));
    let many: String = (0..180).map(planted).collect();
    let real = format!("picloud_session={token}");
    let last = format!("{}{real}", &many[planted(0).len()..]);
    manager
        .send("GET", ME, &[("cookie", &last)], None)
        .await
        .expect(200);
    let beyond = format!("{many}{real}");
    let bounded = manager.send("GET", ME, &[("cookie", &beyond)], None).await;
    bounded.problem(401, "unauthenticated");
}

/// A stranger at another address, who knows a name and nothing else.
async fn guess_from_elsewhere(manager: &TestManager) {
    for _ in 0..20 {
        let body = json!({ "username": OWNER.0, "password": "a guess" });
        let path = "/api/v1/admin/auth/login";
        manager
            .send_from([198, 51, 100, 7], "POST", path, &[], Some(&body))
            .await;
    }
}

#[tokio::test]
async fn a_stranger_who_guesses_holds_up_nobody_where_they_signed_in_before() {
    let (manager, _) = TestManager::owned().await;
    guess_from_elsewhere(&manager).await;
    manager.log_in(OWNER.0, OWNER.1).await.expect(200);
    let body = json!({ "username": OWNER.0, "password": OWNER.1 });
    let path = "/api/v1/admin/auth/login";
    let elsewhere = manager
        .send_from([203, 0, 113, 9], "POST", path, &[], Some(&body))
        .await;
    elsewhere.problem(429, "too_many_requests");
}

#[tokio::test]
async fn a_stranger_who_guesses_holds_up_no_change_of_who_is_signed_in() {
    let (manager, here) = TestManager::owned().await;
    guess_from_elsewhere(&manager).await;
    let change = json!({ "current_password": OWNER.1, "new_password": "another password" });
    let path = "/api/v1/admin/auth/password";
    // Also from an address that nobody knows.
    let bearer = format!("Bearer {here}");
    let headers = [("authorization", bearer.as_str())];
    manager
        .send_from([203, 0, 113, 9], "POST", path, &headers, Some(&change))
        .await
        .expect(204);
}

#[tokio::test]
async fn guessing_with_a_session_is_slowed_down_and_holds_up_no_other() {
    let (manager, stolen) = TestManager::owned().await;
    let there = manager.log_in(OWNER.0, OWNER.1).await.json()["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let change = async |token: &str, current: &str| {
        let body = json!({ "current_password": current, "new_password": "another password" });
        manager
            .call(token, "POST", "/api/v1/admin/auth/password", Some(&body))
            .await
    };
    for _ in 0..5 {
        change(&stolen, "a guess").await.problem(422, "validation_failed");
    }
    change(&stolen, OWNER.1).await.problem(429, "too_many_requests");
    change(&there, OWNER.1).await.expect(204);
}

#[tokio::test]
async fn a_cookie_is_renewed_with_its_session() {
    let (manager, token) = TestManager::owned().await;
    let cookie = format!("a=b; picloud_session={token}");
    let me = async || {
        manager
            .send("GET", ME, &[("cookie", &cookie)], None)
            .await
            .expect(200)
    };
    assert_eq!(me().await.header("set-cookie"), "");
    manager.clock.advance(SESSION_TOUCH_INTERVAL_MIN);
    let renewed = me().await;
    let expected = format!(
        "picloud_session={token}; Path=/api/v1/admin; Max-Age=86400; HttpOnly; SameSite=Strict; Secure"
    );
    assert_eq!(renewed.header("set-cookie"), expected);
    assert_eq!(me().await.header("set-cookie"), "");
}

#[tokio::test]
async fn a_cookie_changes_nothing_for_another_site() {
    let (manager, token) = TestManager::owned().await;
    let cookie = format!("picloud_session={token}");
    let bearer = format!("Bearer {token}");
    let create = async |slug: &str, headers: &[(&str, &str)]| {
        let body = json!({ "slug": slug, "name": slug });
        manager
            .send("POST", "/api/v1/admin/apps", headers, Some(&body))
            .await
    };
    let cookie = ("cookie", cookie.as_str());
    let site = ("sec-fetch-site", "same-site");
    create("a", &[cookie, site])
        .await
        .problem(403, "cross_site_request");
    create("a", &[cookie, ("origin", "https://evil.example")])
        .await
        .problem(403, "cross_site_request");
    create("a", &[cookie, ("origin", "https://pi.example")])
        .await
        .expect(201);
    create("b", &[cookie]).await.expect(201);
    // A bearer token is not added by the browser, and it takes precedence.
    create("c", &[cookie, ("authorization", &bearer), site])
        .await
        .expect(201);
    create("d", &[cookie, ("authorization", "Bearer pcs_x")])
        .await
        .problem(401, "unauthenticated");
}

#[tokio::test]
async fn guessing_is_slowed_down_alike_for_every_name() {
    let (manager, _) = TestManager::owned().await;
    let mut answers = Vec::new();
    for name in [OWNER.0, "nobody", "no name!"] {
        for _ in 0..5 {
            let mut problem = manager
                .log_in(name, "wrong")
                .await
                .problem(401, "invalid_credentials");
            problem["request_id"].take();
            answers.push(problem);
        }
        let slowed = manager.log_in(name, OWNER.1).await;
        assert_eq!(slowed.header("retry-after"), "1", "{name}");
        slowed.problem(429, "too_many_requests");
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");

    manager.clock.advance(Duration::from_secs(1));
    manager.log_in(OWNER.0, OWNER.1).await.expect(200);
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let (manager, here) = TestManager::owned().await;
    let there = manager.log_in(OWNER.0, OWNER.1).await.json()["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let change = async |current: &str, new: &str| {
        let body = json!({ "current_password": current, "new_password": new });
        manager
            .call(&here, "POST", "/api/v1/admin/auth/password", Some(&body))
            .await
    };
    let wrong = change("wrong", "another password")
        .await
        .problem(422, "validation_failed");
    assert_eq!(wrong["errors"][0]["field"], "current_password", "{wrong}");
    change(OWNER.1, "password")
        .await
        .problem(422, "validation_failed");
    change(OWNER.1, "another password").await.expect(204);
    manager.call(&here, "GET", ME, None).await.expect(200);
    manager
        .call(&there, "GET", ME, None)
        .await
        .problem(401, "unauthenticated");
}
