//! What a membership gives, from the next request on.

use serde_json::json;

use crate::harness::{TestCloud, items};

#[test]
fn a_role_counts_at_once() {
    let cloud = TestCloud::start();
    let app = cloud.app("shop");
    let grace = cloud.person("grace", "member");
    let me = app.path(&format!("/members/{}", grace.id));
    let describe = || {
        grace
            .client
            .patch(&app.path(""), &json!({ "description": "mine" }))
    };
    let write = || {
        let script = json!({ "app_id": app.id, "name": "hello", "source": "1" });
        grace.client.post("/admin/scripts", &script)
    };
    let sees = || items(grace.client.get("/admin/apps"));

    assert!(sees().is_empty());
    grace.client.get(&app.path("")).problem(404, "not_found");

    app.admit(&grace.id, "viewer");
    assert_eq!(sees()[0]["my_role"], "viewer");
    let needed = write().problem(403, "forbidden");
    assert_eq!(needed["needed_role"], "editor");

    let change = |role| cloud.owner().patch(&me, &json!({ "role": role })).expect(200);
    change("editor");
    write().expect(201);
    let needed = describe().problem(403, "forbidden");
    assert_eq!(needed["needed_role"], "app_admin");

    change("app_admin");
    describe().expect(200);

    cloud.owner().delete(&me).expect(204);
    describe().problem(404, "not_found");
    assert!(sees().is_empty());
}

#[test]
fn app_admins_manage_members_themselves_even_out() {
    let cloud = TestCloud::start();
    let app = cloud.app("shop");
    let grace = cloud.person("grace", "member");
    let alan = cloud.account("alan", "member");
    app.admit(&grace.id, "app_admin");
    let body = json!({ "user_id": alan["id"], "role": "app_admin" });
    grace.client.post(&app.path("/members"), &body).expect(201);
    grace
        .client
        .patch(&app.path("/members/alan"), &json!({ "role": "viewer" }))
        .expect(200);
    // Nobody must stay: owners of the instance are always app_admin.
    let myself = app.path("/members/grace");
    grace
        .client
        .patch(&myself, &json!({ "role": "editor" }))
        .expect(200);
    grace.client.delete(&myself).problem(403, "forbidden");
    grace.client.get(&app.path("/members")).problem(403, "forbidden");
}

#[test]
fn a_membership_outlives_a_promotion() {
    let cloud = TestCloud::start();
    let app = cloud.app("shop");
    let grace = cloud.person("grace", "member");
    app.admit(&grace.id, "app_admin");
    let become_a = |role| {
        cloud
            .owner()
            .patch("/admin/admins/grace", &json!({ "instance_role": role }))
            .expect(200);
    };
    become_a("admin");
    // It counts where it gives more than the role on the instance implies.
    let my_role =
        |client: &crate::harness::Client| client.get(&app.path("")).expect(200).json()["my_role"].clone();
    assert_eq!(my_role(&grace.client), "app_admin");
    let path = app.path("/members/grace");
    let membership = cloud.owner().get(&path).expect(200).json();
    assert_eq!(membership["instance_role"], "admin");
    cloud
        .owner()
        .patch(&path, &json!({ "role": "viewer" }))
        .expect(200);
    assert_eq!(my_role(&grace.client), "editor");

    become_a("member");
    let again = cloud.sign_in("grace", crate::harness::PASSWORD);
    assert_eq!(my_role(&again), "viewer");
    cloud.owner().delete(&path).expect(204);
    again.get(&app.path("")).problem(404, "not_found");
}
