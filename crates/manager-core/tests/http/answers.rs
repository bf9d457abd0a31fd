//! What all answers have in common.

use serde_json::json;

use crate::harness::TestManager;

#[tokio::test]
async fn browsers_may_only_show_them() {
    let (manager, token) = TestManager::owned().await;
    for path in [
        "/healthz",
        "/api/v1/admin/apps",
        "/api/v1/problems/not_found",
        "/admin/apps",
        "/nothing",
    ] {
        let answer = manager.call(&token, "GET", path, None).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        // Only the page of the dashboard says nothing of anybody.
        let caching = if path == "/admin/apps" {
            "no-cache"
        } else {
            "no-store"
        };
        assert_eq!(answer.header("cache-control"), caching, "{path}");
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let (manager, token) = TestManager::owned().await;
    let answer = manager.call(&token, "PUT", "/api/v1/admin/apps", None).await;
    let mut allow: Vec<&str> = answer.header("allow").split(',').map(str::trim).collect();
    allow.sort_unstable();
    assert_eq!(allow, ["GET", "HEAD", "POST"]);
    answer.problem(405, "method_not_allowed");
}

#[tokio::test]
async fn a_defect_is_a_problem_without_its_cause() {
    let (manager, token) = TestManager::owned().await;
    for (path, body) in [
        (
            "/api/v1/admin/apps/default/scripts:check",
            json!({ "source": "panic" }),
        ),
        (
            "/api/v1/admin/scripts",
            json!({ "app_id": "default", "name": "x", "source": "panic" }),
        ),
    ] {
        let problem = manager
            .call(&token, "POST", path, Some(&body))
            .await
            .problem(500, "internal");
        assert!(!problem.to_string().contains("panic"), "{problem}");
    }
    manager
        .call(&token, "GET", "/api/v1/admin/apps", None)
        .await
        .expect(200);
}

#[tokio::test]
async fn an_old_slug_leads_to_the_new_one() {
    let (manager, token) = TestManager::owned().await;
    let body = json!({ "slug": "home" });
    manager
        .call(&token, "PATCH", "/api/v1/admin/apps/default", Some(&body))
        .await
        .expect(200);
    let path = "/api/v1/admin/apps/default/executions?status=error&limit=3";
    let answer = manager.call(&token, "GET", path, None).await.expect(308);
    assert_eq!(
        answer.header("location"),
        "/api/v1/admin/apps/home/executions?status=error&limit=3"
    );
    // In a body there is nothing to redirect.
    let body = json!({ "app_id": "default", "name": "x", "source": "1" });
    manager
        .call(&token, "POST", "/api/v1/admin/scripts", Some(&body))
        .await
        .expect(201);
}

#[tokio::test]
async fn a_source_that_does_not_compile_names_its_place() {
    let (manager, token) = TestManager::owned().await;
    let body = json!({ "app_id": "default", "name": "x", "source": "bad" });
    let answer = manager
        .call(&token, "POST", "/api/v1/admin/scripts", Some(&body))
        .await;
    let problem = answer.problem(422, "script_invalid");
    assert_eq!((&problem["line"], &problem["column"]), (&json!(3), &json!(7)));
    assert_eq!(problem["errors"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_version_is_an_etag() {
    let (manager, token) = TestManager::owned().await;
    let body = json!({ "app_id": "default", "name": "x", "source": "1" });
    let made = manager
        .call(&token, "POST", "/api/v1/admin/scripts", Some(&body))
        .await
        .expect(201);
    let path = made.header("location").to_owned();
    assert_eq!(made.header("etag"), "\"1\"");

    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("if-match", "\"1\"")];
    let save = |source: &'static str| json!({ "source": source });
    let saved = manager
        .send("PATCH", &path, &headers, Some(&save("2")))
        .await
        .expect(200);
    assert_eq!(saved.header("etag"), "\"2\"");
    let late = manager.send("PATCH", &path, &headers, Some(&save("3"))).await;
    assert_eq!(late.problem(412, "version_mismatch")["live"], 2);
}

#[tokio::test]
async fn a_compressed_body_is_not_unpacked() {
    let (manager, token) = TestManager::owned().await;
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-encoding", "gzip")];
    let body = json!({ "slug": "a", "name": "A" });
    let answer = manager
        .send("POST", "/api/v1/admin/apps", &headers, Some(&body))
        .await;
    answer.problem(415, "unsupported_media_type");
}
