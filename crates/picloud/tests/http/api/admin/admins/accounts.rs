//! What an account is, and how it is made, found, changed and deleted.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{PASSWORD, person};
use crate::harness::{OWNER, TestCloud, items};

#[test]
fn an_account_is_made_found_changed_and_deleted() {
    let cloud = TestCloud::start();
    let owner = cloud.owner();
    let body = json!({
        "username": "Grace",
        "email": "grace@example.com",
        "password": PASSWORD,
        "instance_role": "member",
        "is_active": true,
    });
    let answer = owner.post("/admin/admins", &body).expect(201);
    let made = answer.json();
    let id = made["id"].as_str().expect("an id").to_owned();
    assert_eq!(
        answer.header("location"),
        Some(format!("/api/v1/admin/admins/{id}").as_str())
    );
    assert_eq!(made["username"], "grace");
    let fields: BTreeSet<&str> = made
        .as_object()
        .expect("a user")
        .keys()
        .map(String::as_str)
        .collect();
    let expected = [
        "id",
        "username",
        "email",
        "instance_role",
        "is_active",
        "created_at",
    ];
    assert_eq!(fields, BTreeSet::from(expected));
    for name in [id.as_str(), "grace", "GRACE"] {
        assert_eq!(
            owner.get(&format!("/admin/admins/{name}")).expect(200).json(),
            made
        );
    }
    cloud.log_in("grace", PASSWORD).expect(200);

    let body = json!({ "username": "hopper", "email": Value::Null, "instance_role": "admin" });
    let changed = owner.patch("/admin/admins/grace", &body).expect(200).json();
    assert_eq!(
        changed,
        json!({
            "id": id,
            "username": "hopper",
            "email": null,
            "instance_role": "admin",
            "is_active": true,
            "created_at": made["created_at"],
        })
    );
    owner.get("/admin/admins/grace").problem(404, "not_found");
    cloud
        .log_in("grace", PASSWORD)
        .problem(401, "invalid_credentials");
    cloud.log_in("hopper", PASSWORD).expect(200);
    assert_eq!(
        owner.patch("/admin/admins/hopper", &json!({})).expect(200).json(),
        changed
    );

    owner.delete("/admin/admins/hopper").expect(204);
    owner.delete("/admin/admins/hopper").problem(404, "not_found");
    owner
        .patch(&format!("/admin/admins/{id}"), &json!({}))
        .problem(404, "not_found");
    cloud
        .log_in("hopper", PASSWORD)
        .problem(401, "invalid_credentials");
}

#[test]
fn accounts_are_listed_oldest_first_and_searched() {
    let cloud = TestCloud::start();
    for name in ["grace", "edsger", "alan"] {
        person(&cloud, name, "member");
    }
    let names = |query: &str| -> Vec<String> {
        items(cloud.owner().get(&format!("/admin/admins{query}")))
            .iter()
            .map(|user| user["username"].as_str().expect("a name").to_owned())
            .collect()
    };
    assert_eq!(names(""), [OWNER.0, "grace", "edsger", "alan"]);
    assert_eq!(names("?q=GR"), ["grace"]);
    assert_eq!(names("?q=%25"), [""; 0]);
    let page = cloud.owner().get("/admin/admins?limit=3").expect(200).json();
    let cursor = page["next_cursor"].as_str().expect("a second page");
    assert_eq!(names(&format!("?limit=3&cursor={cursor}")), ["alan"]);
    let long = "x".repeat(201);
    for query in ["?limit=0", "?cursor=x", "?role=owner", &format!("?q={long}")] {
        let answer = cloud.owner().get(&format!("/admin/admins{query}"));
        answer.problem(422, "validation_failed");
    }
}

#[test]
fn what_is_no_account_is_refused_field_by_field() {
    let cloud = TestCloud::start();
    let good = json!({ "username": "grace", "password": PASSWORD, "instance_role": "member" });
    for (field, value) in [
        ("username", json!("no name!")),
        ("username", json!("01890a5d-ac96-774b-bcce-b302099a8057")),
        ("email", json!("no address")),
        ("password", json!("short")),
        ("password", json!("password1")),
        ("instance_role", json!("root")),
        ("is_active", json!("yes")),
        ("id", json!(1)),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let problem = cloud
            .owner()
            .post("/admin/admins", &body)
            .problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
        if field != "id" {
            let change = json!({ field: body[field] });
            let problem = cloud
                .owner()
                .patch(&format!("/admin/admins/{}", OWNER.0), &change)
                .problem(422, "validation_failed");
            assert_eq!(problem["errors"][0]["field"], field, "{problem}");
        }
    }
    for missing in ["username", "password", "instance_role"] {
        let mut body = good.clone();
        body.as_object_mut().expect("an object").remove(missing);
        let problem = cloud
            .owner()
            .post("/admin/admins", &body)
            .problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], missing, "{problem}");
    }
}

#[test]
fn a_username_belongs_to_one() {
    let cloud = TestCloud::start();
    person(&cloud, "grace", "member");
    let body = json!({ "username": "ADA", "password": PASSWORD, "instance_role": "member" });
    cloud
        .owner()
        .post("/admin/admins", &body)
        .problem(409, "username_taken");
    let body = json!({ "username": "ada" });
    cloud
        .owner()
        .patch("/admin/admins/grace", &body)
        .problem(409, "username_taken");
    cloud.owner().patch("/admin/admins/ada", &body).expect(200);
}

#[test]
fn the_own_password_is_not_changed_here() {
    let cloud = TestCloud::start();
    let owner = cloud.owner();
    let body = json!({ "email": "new@example.com", "password": "another fine password" });
    let problem = owner
        .patch(&format!("/admin/admins/{}", OWNER.0), &body)
        .problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["field"], "password", "{problem}");
    let detail = problem["detail"].as_str().expect("a sentence");
    assert!(detail.contains("/api/v1/admin/auth/password"), "{detail}");
    owner.get("/admin/auth/me").expect(200);
    cloud.log_in(OWNER.0, OWNER.1).expect(200);
}
