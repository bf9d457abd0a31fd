//! `PATCH /api/v1/admin/apps/{app}` with a slug: the old one redirects until another app claims it.

use serde_json::json;

use crate::harness::{App, TestCloud};

fn rename(app: &App<'_>, slug: &str) -> serde_json::Value {
    app.cloud
        .owner()
        .patch(&app.path(""), &json!({ "slug": slug }))
        .expect(200)
        .json()
}

#[test]
fn the_old_slug_redirects_to_the_same_path() {
    let cloud = TestCloud::start();
    let app = cloud.app("old");
    app.script("kept", "1");
    rename(&app, "new");
    for (rest, query) in [
        ("", ""),
        ("/domains", ""),
        ("/releases", "?limit=5"),
        ("/executions", "?status=error&limit=5"),
    ] {
        let answer = cloud
            .owner()
            .get(&format!("/admin/apps/old{rest}{query}"))
            .expect(308);
        let expected = format!("/api/v1/admin/apps/new{rest}{query}");
        assert_eq!(answer.header("location"), Some(expected.as_str()));
    }
    let answer = cloud
        .owner()
        .post("/admin/apps/old/domains", &json!({ "pattern": "a.test" }))
        .expect(308);
    assert_eq!(answer.header("location"), Some("/api/v1/admin/apps/new/domains"));
    cloud.owner().get("/admin/apps/new").expect(200);
}

#[test]
fn slugs_redirect_straight_to_the_newest() {
    let cloud = TestCloud::start();
    let app = cloud.app("one");
    rename(&app, "two");
    let app = cloud.existing_app("two");
    rename(&app, "three");
    for old in ["one", "two"] {
        let answer = cloud.owner().get(&format!("/admin/apps/{old}")).expect(308);
        assert_eq!(answer.header("location"), Some("/api/v1/admin/apps/three"));
    }
    // Back to a slug of its own needs no force.
    rename(&cloud.existing_app("three"), "one");
    cloud.owner().get("/admin/apps/one").expect(200);
}

#[test]
fn a_slug_in_history_is_taken_only_by_force() {
    let cloud = TestCloud::start();
    rename(&cloud.app("old"), "new");
    let create = |force: bool| {
        cloud.owner().post(
            "/admin/apps",
            &json!({ "slug": "old", "name": "x", "force": force }),
        )
    };
    create(false).problem(409, "slug_in_history");
    let other = create(true).expect(201).json();
    assert_eq!(
        cloud.owner().get("/admin/apps/old").expect(200).json()["id"],
        other["id"]
    );
}

#[test]
fn a_slug_of_another_app_cannot_be_taken() {
    let cloud = TestCloud::start();
    let app = cloud.app("mine");
    cloud.app("theirs");
    for force in [false, true] {
        let body = json!({ "slug": "theirs", "force": force });
        cloud
            .owner()
            .patch(&app.path(""), &body)
            .problem(409, "slug_taken");
    }
    cloud
        .owner()
        .patch(&app.path(""), &json!({ "slug": "No Slug" }))
        .problem(422, "invalid_slug");
}

#[test]
fn renaming_changes_nothing_for_visitors() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("shop");
    app.serve("/", "\"open\"");
    rename(&app, "store");
    cloud.get("shop.test", "/").says("open");
}
