//! `POST /api/v1/admin/apps/slug:check`.

use serde_json::{Value, json};

use crate::harness::TestCloud;

#[test]
fn tells_what_a_slug_is() {
    let cloud = TestCloud::start();
    let app = cloud.app("mine");
    cloud.app("theirs");
    let old = cloud.app("old");
    cloud
        .owner()
        .patch(&old.path(""), &json!({ "slug": "new" }))
        .expect(200);

    let check = |slug: &str| {
        cloud.owner().post(
            "/admin/apps/slug:check",
            &json!({ "slug": slug, "app": app.slug }),
        )
    };
    for (slug, status) in [
        ("free", "available"),
        ("mine", "current"),
        ("theirs", "taken"),
        ("old", "historical"),
        ("No!", "invalid"),
    ] {
        let answer = check(slug).expect(200).json();
        assert_eq!(
            (&answer["slug"], &answer["status"]),
            (&json!(slug), &json!(status)),
            "{answer}"
        );
        assert!(
            answer["message"].as_str().is_some_and(|text| !text.is_empty()),
            "{answer}"
        );
        let held = matches!(status, "taken" | "historical");
        assert_eq!(answer["held_by"] != Value::Null, held, "{answer}");
    }
}

#[test]
fn checking_changes_nothing() {
    let cloud = TestCloud::start();
    for _ in 0..2 {
        let answer = cloud
            .owner()
            .post("/admin/apps/slug:check", &json!({ "slug": "free" }))
            .expect(200)
            .json();
        assert_eq!(answer["status"], "available");
    }
    cloud.app("free");
}
