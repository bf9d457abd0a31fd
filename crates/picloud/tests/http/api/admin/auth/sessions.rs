//! `/api/v1/admin/auth/sessions`, and `logout`.

use serde_json::{Value, json};

use crate::harness::{OWNER, TestCloud, items};

#[test]
fn signing_out_ends_the_session_and_no_other() {
    let cloud = TestCloud::start();
    let here = cloud.sign_in(OWNER.0, OWNER.1);
    let there = cloud.sign_in(OWNER.0, OWNER.1);
    here.post("/admin/auth/logout", &json!({})).expect(204);
    here.get("/admin/auth/me").problem(401, "unauthenticated");
    there.get("/admin/auth/me").expect(200);
}

#[test]
fn sessions_are_listed_without_their_tokens_and_can_be_ended() {
    let cloud = TestCloud::start();
    let here = cloud.sign_in(OWNER.0, OWNER.1);
    let before: Vec<Value> = ids(&items(here.get("/admin/auth/sessions")));
    let there = cloud.sign_in(OWNER.0, OWNER.1);
    let answer = here.get("/admin/auth/sessions");
    assert!(!answer.text().contains(there.token()), "a token is shown");
    let sessions = items(answer);
    assert_eq!(sessions.len(), before.len() + 1);

    let other = ids(&sessions)
        .into_iter()
        .find(|id| !before.contains(id))
        .expect("the new session is listed");
    let path = format!("/admin/auth/sessions/{}", other.as_str().expect("an id"));
    here.delete(&path).expect(204);
    there.get("/admin/auth/me").problem(401, "unauthenticated");
    here.get("/admin/auth/me").expect(200);
    here.delete(&path).problem(404, "not_found");
}

#[test]
fn all_sessions_can_be_ended_at_once() {
    let cloud = TestCloud::start();
    let (here, there) = (cloud.sign_in(OWNER.0, OWNER.1), cloud.sign_in(OWNER.0, OWNER.1));
    here.delete("/admin/auth/sessions").expect(204);
    there.get("/admin/auth/me").problem(401, "unauthenticated");
}

#[test]
fn sessions_outlive_a_restart() {
    let cloud = TestCloud::start();
    cloud.owner().get("/admin/auth/me").expect(200);
    cloud.start_again();
    cloud.owner().get("/admin/auth/me").expect(200);
}

#[test]
fn a_session_shows_where_it_began() {
    let cloud = TestCloud::start();
    let body = json!({ "username": OWNER.0, "password": OWNER.1 });
    let call = cloud.anonymous().call("POST", "/api/v1/admin/auth/login");
    let begun = call.header("user-agent", "Browser of Ada/1.0").json(&body).send();
    let begun = begun.expect(200).json();
    let client = cloud
        .anonymous()
        .with_token(begun["token"].as_str().expect("a token"));
    let sessions = items(client.get("/admin/auth/sessions"));
    let current = sessions.iter().find(|session| session["current"] == true);
    let current = current.expect("the one that asks is listed");
    assert_eq!(current["address"], "127.0.0.1", "{current}");
    assert_eq!(current["user_agent"], "Browser of Ada/1.0", "{current}");
}

fn ids(sessions: &[Value]) -> Vec<Value> {
    sessions.iter().map(|session| session["id"].clone()).collect()
}
