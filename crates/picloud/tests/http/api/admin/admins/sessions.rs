//! What ends the sessions and API tokens of a person, at once.

use serde_json::{Value, json};

use super::{PASSWORD, signed_in};
use crate::harness::{Client, TestCloud};

#[test]
fn a_lower_role_a_new_password_and_deactivation_end_them() {
    let cloud = TestCloud::start();
    let mut grace = signed_in(&cloud, "grace", "admin");
    let change = |body: Value| cloud.owner().patch("/admin/admins/grace", &body).expect(200);
    for body in [
        json!({ "instance_role": "owner" }),
        json!({ "instance_role": "owner", "is_active": true }),
        json!({ "email": "g@example.com" }),
    ] {
        change(body);
        grace.get("/admin/auth/me").expect(200);
    }

    change(json!({ "instance_role": "member" }));
    grace.get("/admin/auth/me").problem(401, "unauthenticated");
    grace = cloud.sign_in("grace", PASSWORD);
    change(json!({ "password": "another fine password" }));
    grace.get("/admin/auth/me").problem(401, "unauthenticated");
    cloud
        .log_in("grace", PASSWORD)
        .problem(401, "invalid_credentials");
    grace = cloud.sign_in("grace", "another fine password");
    change(json!({ "is_active": false }));
    grace.get("/admin/auth/me").problem(401, "unauthenticated");
    cloud
        .log_in("grace", "another fine password")
        .problem(401, "invalid_credentials");

    // Being active again brings no old session back.
    change(json!({ "is_active": true }));
    grace.get("/admin/auth/me").problem(401, "unauthenticated");
    cloud.log_in("grace", "another fine password").expect(200);
}

#[test]
fn a_deleted_account_is_gone_with_them() {
    let cloud = TestCloud::start();
    let grace = signed_in(&cloud, "grace", "admin");
    grace.delete("/admin/admins/grace").expect(204);
    grace.get("/admin/auth/me").problem(401, "unauthenticated");
    cloud.owner().get("/admin/admins/grace").problem(404, "not_found");
}

#[test]
fn api_tokens_end_with_the_password_and_the_account_and_shrink_with_the_role() {
    let cloud = TestCloud::start();
    let mut grace = signed_in(&cloud, "grace", "admin");
    let change = |body: Value| cloud.owner().patch("/admin/admins/grace", &body).expect(200);
    let token = |by: &Client, name: &str| {
        let made = by
            .post("/admin/tokens", &json!({ "name": name }))
            .expect(201)
            .json();
        by.with_token(made["token"].as_str().expect("a token"))
    };
    let program = token(&grace, "one");
    program.get("/admin/admins").expect(200);
    change(json!({ "instance_role": "member" }));
    program.get("/admin/admins").problem(403, "forbidden");
    program.get("/admin/auth/me").expect(200);

    change(json!({ "password": "another fine password" }));
    program.get("/admin/auth/me").problem(401, "unauthenticated");
    grace = cloud.sign_in("grace", "another fine password");
    let program = token(&grace, "two");
    program.get("/admin/auth/me").expect(200);
    change(json!({ "is_active": false }));
    program.get("/admin/auth/me").problem(401, "unauthenticated");
    change(json!({ "is_active": true }));
    program.get("/admin/auth/me").problem(401, "unauthenticated");
}
