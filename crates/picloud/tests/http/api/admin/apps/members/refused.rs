//! Who is not made a member, and what is no member.

use serde_json::json;

use super::NOBODY;
use crate::harness::{TestCloud, items};

#[test]
fn who_has_a_role_everywhere_or_cannot_sign_in_is_not_added() {
    let cloud = TestCloud::start();
    let app = cloud.app("shop");
    let owner = cloud.owner();
    let me = owner.get("/admin/auth/me").expect(200).json();
    let admin = cloud.account("grace", "admin");
    let away = cloud.account("alan", "member");
    owner
        .patch("/admin/admins/alan", &json!({ "is_active": false }))
        .expect(200);
    for (account, code) in [
        (&me, "not_a_member_user"),
        (&admin, "not_a_member_user"),
        (&away, "user_inactive"),
    ] {
        let body = json!({ "user_id": account["id"], "role": "viewer" });
        owner.post(&app.path("/members"), &body).problem(422, code);
    }
    assert!(items(owner.get(&app.path("/members"))).is_empty());
}

#[test]
fn who_is_no_member_can_be_removed_and_nothing_else() {
    let cloud = TestCloud::start();
    let app = cloud.app("shop");
    let owner = cloud.owner();
    for nobody in [NOBODY, "nobody", "ada"] {
        let path = app.path(&format!("/members/{nobody}"));
        owner.get(&path).problem(404, "not_found");
        owner
            .patch(&path, &json!({ "role": "editor" }))
            .problem(404, "not_found");
        owner.delete(&path).expect(204);
    }
    let nonsense = app.path("/members/-");
    owner.delete(&nonsense).problem(404, "not_found");
}

#[test]
fn what_is_no_member_is_refused() {
    let cloud = TestCloud::start();
    let app = cloud.app("shop");
    let owner = cloud.owner();
    let path = app.path("/members");
    for (body, field) in [
        (json!({ "user_id": "ada", "role": "viewer" }), "user_id"),
        (json!({ "user_id": NOBODY, "role": "owner" }), "role"),
        (json!({ "user_id": NOBODY }), "role"),
        (
            json!({ "user_id": NOBODY, "role": "viewer", "note": "x" }),
            "note",
        ),
    ] {
        let problem = owner.post(&path, &body).problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{body}");
    }
    let nobody = json!({ "user_id": NOBODY, "role": "viewer" });
    owner.post(&path, &nobody).problem(404, "not_found");
    owner
        .post("/admin/apps/no-such-app/members", &json!({}))
        .problem(404, "not_found");
}
