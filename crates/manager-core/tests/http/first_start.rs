//! What a fresh instance begins with.

use picloud_manager_core::{FirstStartError, PasswordRefused, ResetPasswordError, reset_password};
use picloud_shared::{
    repository::{ReleaseRepository as _, UserRepository as _},
    time::Clock as _,
};
use serde_json::json;

use crate::harness::{OWNER, TestManager};

#[tokio::test]
async fn twice_is_the_same_as_once() {
    let manager = TestManager::fresh().await;
    let first = manager.first_start(None).await;
    let second = manager.first_start(None).await;
    assert!(first.seeded && !second.seeded);
    assert!(first.setup_code.is_some());
    assert_eq!(first.setup_code, second.setup_code);

    let releases = manager.store.live_releases().await.expect("the store answers");
    let [app] = &releases[..] else {
        panic!("one app: {releases:?}")
    };
    let patterns: Vec<&str> = app.domains.iter().map(|claim| claim.pattern.as_str()).collect();
    let paths: Vec<&str> = app.routes.iter().map(|route| route.path.as_str()).collect();
    assert_eq!((app.slug.as_str(), patterns), ("default", vec!["localhost"]));
    assert_eq!(paths, ["/", "/hello/{name}"]);
    assert_eq!(app.scripts.len(), 1);
}

#[tokio::test]
async fn what_the_owner_deletes_stays_deleted() {
    let (manager, token) = TestManager::owned().await;
    manager
        .call(&token, "DELETE", "/api/v1/admin/apps/default?force=true", None)
        .await
        .expect(204);
    let start = manager.first_start(Some(OWNER)).await;
    assert!(!start.seeded && !start.owner_created && start.setup_code.is_none());
    manager
        .call(&token, "GET", "/api/v1/admin/apps/default", None)
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn the_settings_can_name_the_first_owner() {
    let manager = TestManager::fresh().await;
    let refused = manager
        .manager
        .first_start(Some(("ada".to_owned(), String::new())))
        .await;
    assert!(
        matches!(refused, Err(FirstStartError::EmptyPassword)),
        "{refused:?}"
    );
    let refused = manager
        .manager
        .first_start(Some(("a b".to_owned(), "x".to_owned())))
        .await;
    assert!(
        matches!(refused, Err(FirstStartError::Username(..))),
        "{refused:?}"
    );

    // A poor password is their own decision.
    let start = manager.first_start(Some(("Ada", "short"))).await;
    assert!(start.owner_created && start.setup_code.is_none());
    manager.log_in("ada", "short").await.expect(200);
}

#[tokio::test]
async fn the_code_makes_the_first_owner_once() {
    let manager = TestManager::fresh().await;
    let code = manager.first_start(None).await.setup_code.expect("a code");
    let path = "/api/v1/admin/setup";
    let body = |code: &str| json!({ "code": code, "username": "Ada", "password": OWNER.1 });
    manager
        .send("POST", path, &[], Some(&body("AAAA-BBBB-CCCC")))
        .await
        .problem(403, "invalid_setup_code");
    let cross = [("sec-fetch-site", "cross-site")];
    manager
        .send("POST", path, &cross, Some(&body(&code)))
        .await
        .problem(403, "cross_site_request");
    assert!(!manager.store.any_user().await.expect("the store answers"));

    let typed = code.to_lowercase().replace('-', " ");
    let made = manager
        .send("POST", path, &[], Some(&body(&typed)))
        .await
        .expect(201);
    assert!(made.header("set-cookie").starts_with("picloud_session=pcs_"));
    assert_eq!(made.json()["user"]["instance_role"], "owner");
    manager
        .send("POST", path, &[], Some(&body(&code)))
        .await
        .problem(409, "already_set_up");
}

#[tokio::test]
async fn a_password_can_be_reset_on_the_machine() {
    let (manager, token) = TestManager::owned().await;
    let [ada, nobody] = ["ada", "nobody"].map(|name| name.parse().expect("a username"));
    let now = manager.clock.now();
    let refused = reset_password(&*manager.store, &ada, "short", now).await;
    assert!(
        matches!(
            refused,
            Err(ResetPasswordError::Refused(PasswordRefused::TooShort))
        ),
        "{refused:?}"
    );
    assert!(
        !reset_password(&*manager.store, &nobody, "a new password", now)
            .await
            .expect("the store answers")
    );
    assert!(
        reset_password(&*manager.store, &ada, "a new password", now)
            .await
            .expect("the store answers")
    );
    manager
        .call(&token, "GET", "/api/v1/admin/auth/me", None)
        .await
        .problem(401, "unauthenticated");
    manager.log_in("ada", "a new password").await.expect(200);
}
