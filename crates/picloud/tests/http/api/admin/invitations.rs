//! `/api/v1/admin/invitations`: links that make one account each.

use serde_json::{Value, json};

use crate::harness::{Answer, Client, OWNER, TestCloud, items};

const PASSWORD: &str = "a bicycle for the mind";

#[track_caller]
fn invite(by: &Client, body: &Value) -> Value {
    by.post("/admin/invitations", body).expect(201).json()
}

fn accept(cloud: &TestCloud, invitation: &Value, username: Option<&str>) -> Answer {
    let mut body = json!({ "token": invitation["token"], "password": PASSWORD });
    if let Some(username) = username {
        body["username"] = username.into();
    }
    cloud.anonymous().post("/admin/invitations:accept", &body)
}

fn preview(cloud: &TestCloud, invitation: &Value) -> Answer {
    let body = json!({ "token": invitation["token"] });
    cloud.anonymous().post("/admin/invitations:preview", &body)
}

#[test]
fn a_link_makes_one_account_and_signs_in() {
    let cloud = TestCloud::start();
    let body = json!({ "email": "grace@example.com", "instance_role": "admin" });
    let invitation = invite(cloud.owner(), &body);
    let token = invitation["token"].as_str().expect("a token");
    assert!(token.starts_with("pci_") && token.len() > 43, "{token}");
    assert_eq!(invitation["path"], format!("/admin/invitations/{token}"));
    let listed = cloud.owner().get("/admin/invitations").expect(200);
    assert!(!listed.text().contains(token), "the token is shown once");
    assert_eq!(items(listed)[0]["id"], invitation["id"]);

    let seen = preview(&cloud, &invitation).expect(200).json();
    assert_eq!(
        seen,
        json!({
            "username": null,
            "email": "grace@example.com",
            "instance_role": "admin",
            "invited_by": OWNER.0,
            "expires_at": invitation["expires_at"],
        })
    );

    let answer = accept(&cloud, &invitation, Some("Grace")).expect(201);
    assert!(
        answer
            .header("set-cookie")
            .is_some_and(|cookie| cookie.contains("picloud_session="))
    );
    let body = answer.json();
    let grace = cloud
        .anonymous()
        .with_token(body["token"].as_str().expect("a token"));
    let me = grace.get("/admin/auth/me").expect(200).json();
    assert_eq!(
        (&me["username"], &me["email"], &me["instance_role"]),
        (&json!("grace"), &json!("grace@example.com"), &json!("admin"))
    );
    cloud.log_in("grace", PASSWORD).expect(200);

    accept(&cloud, &invitation, Some("edsger")).problem(404, "invitation_invalid");
    preview(&cloud, &invitation).problem(404, "invitation_invalid");
    assert!(items(cloud.owner().get("/admin/invitations")).is_empty());
}

#[test]
fn an_invitation_with_a_name_is_for_nobody_else() {
    let cloud = TestCloud::start();
    let invitation = invite(
        cloud.owner(),
        &json!({ "username": "grace", "instance_role": "member" }),
    );
    let problem = accept(&cloud, &invitation, Some("mallory")).problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["field"], "username", "{problem}");
    let me = accept(&cloud, &invitation, None).expect(201).json();
    assert_eq!(me["user"]["username"], "grace");

    let open = invite(
        cloud.owner(),
        &json!({ "email": "a@b", "instance_role": "member" }),
    );
    let problem = accept(&cloud, &open, None).problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["field"], "username", "{problem}");
    accept(&cloud, &open, Some("grace")).problem(409, "username_taken");
    let body = json!({ "token": open["token"], "username": "edsger", "password": "short" });
    let answer = cloud.anonymous().post("/admin/invitations:accept", &body);
    answer.problem(422, "validation_failed");
    accept(&cloud, &open, Some("edsger")).expect(201);
}

#[test]
fn an_admin_sees_only_the_invitations_that_they_could_have_given() {
    let cloud = TestCloud::start();
    let (shop, blog) = (cloud.app("shop"), cloud.app("blog"));
    let grace = cloud.person("grace", "member");
    shop.admit(&grace.id, "app_admin");
    blog.admit(&grace.id, "editor");
    let into =
        |app: &str| json!({ "email": "a@b", "instance_role": "member", "app": app, "app_role": "viewer" });
    let (in_shop, in_blog) = (
        invite(cloud.owner(), &into("shop")),
        invite(cloud.owner(), &into("blog")),
    );
    grace.client.get("/admin/invitations").problem(403, "forbidden");

    let admin = json!({ "instance_role": "admin" });
    cloud
        .owner()
        .patch(&format!("/admin/admins/{}", grace.id), &admin)
        .expect(200);
    let path =
        |invitation: &Value| format!("/admin/invitations/{}", invitation["id"].as_str().expect("an id"));
    let seen = items(grace.client.get("/admin/invitations"));
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0]["id"], in_shop["id"]);
    grace.client.delete(&path(&in_blog)).problem(404, "not_found");
    grace
        .client
        .post("/admin/invitations", &into("blog"))
        .problem(403, "forbidden");
    grace.client.delete(&path(&in_shop)).expect(204);
    cloud.owner().delete(&path(&in_blog)).expect(204);
}

#[test]
fn nobody_invites_above_their_rank_or_sees_such_invitations() {
    let cloud = TestCloud::start();
    let admin = invite(
        cloud.owner(),
        &json!({ "username": "grace", "instance_role": "admin" }),
    );
    let body = accept(&cloud, &admin, None).expect(201).json();
    let grace = cloud
        .anonymous()
        .with_token(body["token"].as_str().expect("a token"));

    let owner = invite(
        cloud.owner(),
        &json!({ "email": "a@b", "instance_role": "owner" }),
    );
    let member = invite(&grace, &json!({ "email": "a@b", "instance_role": "member" }));
    assert_eq!(items(cloud.owner().get("/admin/invitations")).len(), 2);
    let seen = items(grace.get("/admin/invitations"));
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0]["id"], member["id"]);
    let path =
        |invitation: &Value| format!("/admin/invitations/{}", invitation["id"].as_str().expect("an id"));
    grace.delete(&path(&owner)).problem(404, "not_found");
    let above = json!({ "email": "a@b", "instance_role": "owner" });
    let problem = grace.post("/admin/invitations", &above).problem(403, "forbidden");
    assert_eq!(problem["needed_role"], "owner");

    cloud.owner().delete(&path(&owner)).expect(204);
    accept(&cloud, &owner, Some("x")).problem(404, "invitation_invalid");

    // What Grace gave she can give no longer.
    cloud
        .owner()
        .patch("/admin/admins/grace", &json!({ "is_active": false }))
        .expect(200);
    preview(&cloud, &member).problem(404, "invitation_invalid");
    accept(&cloud, &member, Some("x")).problem(404, "invitation_invalid");
}

#[test]
fn a_member_comes_with_a_role_in_an_app() {
    let cloud = TestCloud::start();
    let shop = cloud.app("shop");
    let body =
        json!({ "username": "edsger", "instance_role": "member", "app": shop.slug, "app_role": "viewer" });
    let invitation = invite(cloud.owner(), &body);
    assert_eq!(invitation["app_role"], "viewer");
    let body = accept(&cloud, &invitation, None).expect(201).json();
    let edsger = cloud
        .anonymous()
        .with_token(body["token"].as_str().expect("a token"));
    let seen = items(edsger.get("/admin/apps"));
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (&seen[0]["slug"], &seen[0]["my_role"]),
        (&json!("shop"), &json!("viewer"))
    );

    // An admin is an editor there, and gives nobody a role.
    let admin = invite(
        cloud.owner(),
        &json!({ "username": "grace", "instance_role": "admin" }),
    );
    let body = accept(&cloud, &admin, None).expect(201).json();
    let grace = cloud
        .anonymous()
        .with_token(body["token"].as_str().expect("a token"));
    let body = json!({ "email": "a@b", "instance_role": "member", "app": shop.slug, "app_role": "viewer" });
    let problem = grace.post("/admin/invitations", &body).problem(403, "forbidden");
    assert_eq!(problem["needed_role"], "app_admin");
}

#[test]
fn what_is_no_invitation_is_refused() {
    let cloud = TestCloud::start();
    let shop = cloud.app("shop");
    for (body, field) in [
        (json!({ "instance_role": "member" }), "username"),
        (
            json!({ "username": "no name!", "instance_role": "member" }),
            "username",
        ),
        (json!({ "email": "none", "instance_role": "member" }), "email"),
        (
            json!({ "email": "a@b", "instance_role": "member", "app": shop.slug }),
            "app_role",
        ),
        (
            json!({ "email": "a@b", "instance_role": "member", "app_role": "viewer" }),
            "app_role",
        ),
        (
            json!({ "email": "a@b", "instance_role": "admin", "app": shop.slug, "app_role": "viewer" }),
            "app",
        ),
    ] {
        let problem = cloud
            .owner()
            .post("/admin/invitations", &body)
            .problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let body = json!({ "email": "a@b", "instance_role": "member", "app": "nowhere", "app_role": "viewer" });
    cloud
        .owner()
        .post("/admin/invitations", &body)
        .problem(404, "not_found");
    let body = json!({ "username": OWNER.0, "instance_role": "member" });
    cloud
        .owner()
        .post("/admin/invitations", &body)
        .problem(409, "username_taken");
    cloud
        .owner()
        .delete("/admin/invitations/nonsense")
        .problem(404, "not_found");
}

#[test]
fn guessing_tokens_is_slowed_down() {
    let cloud = TestCloud::start();
    let guess = |number: u32| preview(&cloud, &json!({ "token": format!("pci_{number}") }));
    let answer = (0..100).map(guess).find(|answer| answer.status != 404);
    answer
        .expect("100 guesses do not go through")
        .problem(429, "too_many_requests");
}

#[test]
fn another_site_takes_no_invitation_for_its_visitor() {
    let cloud = TestCloud::start();
    let invitation = invite(
        cloud.owner(),
        &json!({ "username": "grace", "instance_role": "member" }),
    );
    let body = json!({ "token": invitation["token"], "password": PASSWORD });
    let call = cloud.call("POST", "localhost:8080", "/api/v1/admin/invitations:accept");
    let call = call
        .header("origin", "http://evil.test")
        .header("sec-fetch-site", "cross-site");
    call.json(&body).send().problem(403, "cross_site_request");
    accept(&cloud, &invitation, None).expect(201);
}
