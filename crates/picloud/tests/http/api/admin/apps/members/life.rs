//! From the first grant to the end of a membership.

use serde_json::{Value, json};

use crate::harness::{TestCloud, items};

#[test]
fn a_member_is_added_changed_and_removed() {
    let cloud = TestCloud::start();
    let app = cloud.app("shop");
    let owner = cloud.owner();
    let grace = cloud.account("grace", "member");
    let id = grace["id"].as_str().expect("an id");

    let body = json!({ "user_id": id, "role": "viewer" });
    let answer = owner.post(&app.path("/members"), &body).expect(201);
    let location = answer.header("location").map(str::to_owned);
    let added = answer.json();
    let expected = json!({
        "user_id": id,
        "username": "grace",
        "email": Value::Null,
        "instance_role": "member",
        "role": "viewer",
        "is_active": true,
        "joined_at": added["joined_at"],
    });
    assert_eq!(added, expected);
    assert_eq!(
        location,
        Some(format!("/api/v1/admin/apps/{}/members/{id}", app.slug))
    );
    assert_eq!(
        items(owner.get(&app.path("/members"))),
        std::slice::from_ref(&added)
    );
    for name in [id, "grace", "GRACE"] {
        let found = owner.get(&app.path(&format!("/members/{name}"))).expect(200);
        assert_eq!(found.json(), added);
    }

    let again = json!({ "user_id": id, "role": "editor" });
    owner
        .post(&app.path("/members"), &again)
        .problem(409, "already_member");
    let by_name = app.path("/members/grace");
    let changed = owner
        .patch(&by_name, &json!({ "role": "app_admin" }))
        .expect(200)
        .json();
    let mut expected = added;
    expected["role"] = "app_admin".into();
    assert_eq!(changed, expected);

    owner.delete(&by_name).expect(204);
    owner.delete(&by_name).expect(204);
    owner.get(&by_name).problem(404, "not_found");
    owner
        .patch(&by_name, &json!({ "role": "viewer" }))
        .problem(404, "not_found");
    assert!(items(owner.get(&app.path("/members"))).is_empty());
    app.admit(id, "editor");
}

#[test]
fn members_are_listed_page_by_page() {
    let cloud = TestCloud::start();
    let app = cloud.app("shop");
    let names = ["zoe", "grace", "alan"];
    for name in names {
        let account = cloud.account(name, "member");
        app.admit(account["id"].as_str().expect("an id"), "viewer");
    }
    let first = cloud
        .owner()
        .get(&app.path("/members?limit=2"))
        .expect(200)
        .json();
    let cursor = first["next_cursor"].as_str().expect("another page");
    let rest = items(
        cloud
            .owner()
            .get(&app.path(&format!("/members?limit=2&cursor={cursor}"))),
    );
    let both = first["items"].as_array().expect("items").iter().chain(&rest);
    let found: Vec<&str> = both
        .map(|item| item["username"].as_str().expect("a name"))
        .collect();
    assert_eq!(found, names);
}

#[test]
fn memberships_end_with_the_account_and_the_app() {
    let cloud = TestCloud::start();
    let (shop, blog) = (cloud.app("shop"), cloud.app("blog"));
    let grace = cloud.person("grace", "member");
    let alan = cloud.person("alan", "member");
    for app in [&shop, &blog] {
        app.admit(&grace.id, "editor");
        app.admit(&alan.id, "viewer");
    }
    cloud.owner().delete("/admin/admins/grace").expect(204);
    let left = items(cloud.owner().get(&shop.path("/members")));
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0]["username"], "alan");
    cloud.owner().delete(&shop.path("")).expect(204);
    let seen = items(alan.client.get("/admin/apps"));
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0]["slug"], "blog");
}
