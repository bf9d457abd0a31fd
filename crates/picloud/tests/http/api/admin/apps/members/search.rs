//! `GET /api/v1/admin/users:search`.

use serde_json::{Value, json};

use crate::harness::{Answer, TestCloud};

#[test]
fn a_search_names_its_app() {
    let cloud = TestCloud::start();
    cloud.app("shop");
    let search = |query: &str| cloud.owner().get(&format!("/admin/users:search{query}"));
    let found = search("?app=shop").expect(200).json();
    assert_eq!(found, json!({ "items": [], "next_cursor": Value::Null }));
    search("").problem(422, "validation_failed");
    search("?app=shop&role=viewer").problem(422, "validation_failed");
    search(&format!("?app=shop&q={}", "x".repeat(201))).problem(422, "validation_failed");
    search("?app=no-such-app").problem(404, "not_found");
    search("?app=-").problem(404, "not_found");
}

#[test]
fn an_app_admin_finds_whom_they_can_add_and_sees_no_more_of_them() {
    let cloud = TestCloud::start();
    let app = cloud.app("shop");
    let grace = cloud.person("grace", "member");
    app.admit(&grace.id, "app_admin");
    for name in ["alan", "joan", "ann"] {
        cloud.account(name, "member");
    }
    cloud.account("annika", "admin");
    cloud
        .owner()
        .patch("/admin/admins/joan", &json!({ "is_active": false }))
        .expect(200);

    let search = |q: &str| grace.client.get(&format!("/admin/users:search?app=shop&q={q}"));
    assert_eq!(names(&search("")), ["alan", "ann"]);
    assert_eq!(names(&search("AN")), ["alan", "ann"]);
    assert_eq!(names(&search("nn")), ["ann"]);
    assert_eq!(names(&search("%25")), [""; 0]);
    let found = search("ann").json();
    let fields: Vec<&String> = found["items"][0].as_object().expect("an item").keys().collect();
    assert_eq!(fields, ["id", "username"]);

    let id = found["items"][0]["id"].as_str().expect("an id");
    let body = json!({ "user_id": id, "role": "viewer" });
    grace.client.post(&app.path("/members"), &body).expect(201);
    assert_eq!(names(&search("")), ["alan"]);
    // The accounts themselves stay closed.
    grace.client.get("/admin/admins").problem(403, "forbidden");
}

#[track_caller]
fn names(answer: &Answer) -> Vec<String> {
    let found = answer.clone().expect(200).json();
    let name = |item: &Value| item["username"].as_str().expect("a name").to_owned();
    found["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(name)
        .collect()
}
