//! A change is live before it is acknowledged, and acknowledged once it is stored.

use std::sync::atomic::Ordering;

use serde_json::json;

use crate::harness::TestManager;

#[tokio::test]
async fn every_change_is_published() {
    let (manager, token) = TestManager::owned().await;
    let refreshes = || manager.live.refreshes.load(Ordering::SeqCst);
    let mut seen = refreshes();
    let body = json!({ "app_id": "default", "name": "x", "source": "1" });
    let made = manager
        .call(&token, "POST", "/api/v1/admin/scripts", Some(&body))
        .await
        .expect(201);
    let script = made.json()["id"].clone();
    let path = made.header("location").to_owned();
    seen += 1;
    assert_eq!(refreshes(), seen);

    let route = json!({ "script_id": script, "path": "/x", "methods": ["GET"] });
    let made = manager
        .call(&token, "POST", "/api/v1/admin/routes", Some(&route))
        .await
        .expect(201);
    let route_path = made.header("location").to_owned();
    let in_use = manager
        .call(&token, "DELETE", &path, None)
        .await
        .problem(409, "script_in_use");
    assert_eq!(in_use["routes"][0]["path"], "/x");
    seen += 1;
    for (method, path, body, status) in [
        ("PATCH", &path, json!({ "source": "2" }), 200),
        ("PATCH", &route_path, json!({ "path": "/y", "host": null }), 200),
        ("DELETE", &route_path, json!({}), 204),
        ("DELETE", &path, json!({}), 204),
    ] {
        manager
            .call(&token, method, path, Some(&body))
            .await
            .expect(status);
        seen += 1;
        assert_eq!(refreshes(), seen, "{method} {path}");
    }
}

#[tokio::test]
async fn a_stored_change_is_acknowledged_even_if_it_is_not_live_yet() {
    let (manager, token) = TestManager::owned().await;
    let before = manager.live.refreshes.load(Ordering::SeqCst);
    manager.live.fails.store(true, Ordering::SeqCst);
    let body = json!({ "slug": "late", "name": "Late" });
    manager
        .call(&token, "POST", "/api/v1/admin/apps", Some(&body))
        .await
        .expect(201);
    assert_eq!(manager.live.refreshes.load(Ordering::SeqCst), before);

    let refreshed = manager.live.refreshed.notified();
    manager.live.fails.store(false, Ordering::SeqCst);
    refreshed.await;
    assert_eq!(manager.live.refreshes.load(Ordering::SeqCst), before + 1);
}
