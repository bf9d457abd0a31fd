//! Who may change whom.

use serde_json::json;

use super::{PASSWORD, person, signed_in};
use crate::harness::{OWNER, TestCloud};

#[test]
fn members_see_no_accounts() {
    let cloud = TestCloud::start();
    let grace = signed_in(&cloud, "grace", "member");
    let body = json!({ "username": "x", "password": PASSWORD, "instance_role": "member" });
    for answer in [
        grace.get("/admin/admins"),
        grace.get("/admin/admins/grace"),
        grace.get("/admin/admins/nobody"),
        grace.post("/admin/admins", &body),
        grace.patch("/admin/admins/grace", &json!({ "instance_role": "owner" })),
        grace.delete("/admin/admins/ada"),
    ] {
        let problem = answer.problem(403, "forbidden");
        assert_eq!(problem["needed_role"], "admin", "{problem}");
    }
}

#[test]
fn an_admin_acts_on_no_owner_and_makes_none() {
    let cloud = TestCloud::start();
    let grace = signed_in(&cloud, "grace", "admin");
    person(&cloud, "edsger", "member");
    let new = |role: &str| json!({ "username": "new", "password": PASSWORD, "instance_role": role });
    let owner = format!("/admin/admins/{}", OWNER.0);
    grace.get(&owner).expect(200);
    for answer in [
        grace.post("/admin/admins", &new("owner")),
        grace.patch("/admin/admins/grace", &json!({ "instance_role": "owner" })),
        grace.patch("/admin/admins/edsger", &json!({ "instance_role": "owner" })),
        grace.patch(&owner, &json!({ "password": PASSWORD })),
        grace.patch(&owner, &json!({ "email": "mallory@example.com" })),
        grace.patch(&owner, &json!({ "is_active": false })),
        grace.patch(&owner, &json!({})),
        grace.delete(&owner),
    ] {
        let problem = answer.problem(403, "forbidden");
        assert_eq!(problem["needed_role"], "owner", "{problem}");
    }
    grace
        .patch("/admin/admins/edsger", &json!({ "instance_role": "admin" }))
        .expect(200);
    grace.post("/admin/admins", &new("admin")).expect(201);
    grace.delete("/admin/admins/new").expect(204);
}

#[test]
fn the_last_active_owner_stays() {
    let cloud = TestCloud::start();
    let owner = cloud.owner();
    let path = format!("/admin/admins/{}", OWNER.0);
    let refused = || {
        for body in [
            json!({ "instance_role": "admin" }),
            json!({ "instance_role": "member", "is_active": false }),
            json!({ "is_active": false }),
        ] {
            owner.patch(&path, &body).problem(409, "last_owner");
        }
        owner.delete(&path).problem(409, "last_owner");
        owner.get("/admin/auth/me").expect(200);
    };
    refused();
    person(&cloud, "idle", "owner");
    owner
        .patch("/admin/admins/idle", &json!({ "is_active": false }))
        .expect(200);
    refused();
    owner
        .patch("/admin/admins/idle", &json!({ "is_active": true }))
        .expect(200);
    owner.delete(&path).expect(204);
    let idle = cloud.sign_in("idle", PASSWORD);
    idle.delete("/admin/admins/idle").problem(409, "last_owner");
}

#[test]
fn two_owners_who_delete_each_other_leave_one() {
    let cloud = TestCloud::start();
    let grace = signed_in(&cloud, "grace", "owner");
    let ada = cloud.owner();
    let statuses = std::thread::scope(|scope| {
        let one = scope.spawn(|| ada.delete("/admin/admins/grace").status);
        let other = scope.spawn(|| grace.delete("/admin/admins/ada").status);
        [one, other].map(|racer| racer.join().expect("no request fails"))
    });
    let won = statuses.iter().filter(|status| **status == 204).count();
    assert_eq!(won, 1, "{statuses:?}");
    let left = [ada, &grace].map(|client| client.get("/admin/auth/me").status);
    assert!(left.contains(&200) && left.contains(&401), "{left:?}");
}

#[test]
fn an_api_token_takes_no_account_over() {
    let cloud = TestCloud::start();
    person(&cloud, "grace", "member");
    person(&cloud, "edsger", "admin");
    let made = cloud.owner().post("/admin/tokens", &json!({ "name": "ci" }));
    let made = made.expect(201).json();
    let program = cloud
        .anonymous()
        .with_token(made["token"].as_str().expect("a token"));
    let new = json!({ "username": "new", "password": PASSWORD, "instance_role": "member" });
    let own = format!("/admin/admins/{}", OWNER.0);
    for answer in [
        program.post("/admin/admins", &new),
        program.patch(&own, &json!({ "password": PASSWORD })),
        program.patch(&own, &json!({ "username": "mallory" })),
        program.delete(&own),
        program.patch("/admin/admins/edsger", &json!({ "is_active": false })),
        program.delete("/admin/admins/edsger"),
        program.patch("/admin/admins/grace", &json!({ "instance_role": "admin" })),
        program.patch("/admin/admins/grace", &json!({ "password": PASSWORD })),
    ] {
        let problem = answer.problem(403, "forbidden");
        let detail = problem["detail"].as_str().expect("a sentence");
        assert!(detail.contains("API token"), "{problem}");
    }
    program.get(&own).expect(200);
    program
        .patch("/admin/admins/grace", &json!({ "is_active": false }))
        .expect(200);
    program.delete("/admin/admins/grace").expect(204);
}
