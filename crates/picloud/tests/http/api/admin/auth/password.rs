//! `POST /api/v1/admin/auth/password`, and `picloud admin reset-password`.

use std::{
    io::Write as _,
    process::{Output, Stdio},
};

use serde_json::json;

use crate::harness::{OWNER, TestCloud};

#[test]
fn changing_it_needs_the_old_one_and_ends_other_sessions_and_tokens() {
    let cloud = TestCloud::start();
    let (here, there) = (cloud.sign_in(OWNER.0, OWNER.1), cloud.sign_in(OWNER.0, OWNER.1));
    let change = |current: &str, new: &str| {
        here.post(
            "/admin/auth/password",
            &json!({ "current_password": current, "new_password": new }),
        )
    };
    let wrong = change("not the password", "another password").problem(422, "validation_failed");
    assert_eq!(wrong["errors"][0]["field"], "current_password", "{wrong}");
    here.get("/admin/auth/me").expect(200);
    change(OWNER.1, "short").problem(422, "validation_failed");
    let token = here
        .post("/admin/tokens", &json!({ "name": "ci" }))
        .expect(201)
        .json();
    let program = here.with_token(token["token"].as_str().expect("a token"));
    program.get("/admin/auth/me").expect(200);
    change(OWNER.1, "another password").expect(204);

    here.get("/admin/auth/me").expect(200);
    program.get("/admin/auth/me").problem(401, "unauthenticated");
    there.get("/admin/auth/me").problem(401, "unauthenticated");
    cloud.log_in(OWNER.0, OWNER.1).problem(401, "invalid_credentials");
    cloud.log_in(OWNER.0, "another password").expect(200);
}

/// In whatever order they come: whoever stole a session and a password does not undo the reset.
#[test]
fn a_reset_by_somebody_else_stands() {
    let cloud = TestCloud::start();
    let mut password = "a fine password".to_owned();
    let grace = json!({ "username": "grace", "password": password, "instance_role": "admin" });
    cloud.owner().post("/admin/admins", &grace).expect(201);
    for round in 0..3 {
        let grace = cloud.sign_in("grace", &password);
        let reset = format!("reset in round {round}");
        let own = json!({ "current_password": password, "new_password": "a password of my own" });
        let (changed, patched) = std::thread::scope(|scope| {
            let changed = scope.spawn(|| grace.post("/admin/auth/password", &own).status);
            let body = json!({ "password": reset });
            let patched = cloud.owner().patch("/admin/admins/grace", &body).status;
            (changed.join().expect("no request fails"), patched)
        });
        assert!(matches!(changed, 204 | 401 | 422), "{changed}");
        assert_eq!(patched, 200);
        grace.get("/admin/auth/me").problem(401, "unauthenticated");
        password = reset;
        cloud.log_in("grace", &password).expect(200);
    }
}

#[test]
fn it_can_be_reset_on_the_machine() {
    let cloud = TestCloud::start();
    let token = cloud.owner().token().to_owned();
    cloud.kill9();
    let output = reset(&cloud, OWNER.0, "a new password\n");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    cloud.start_again();
    cloud
        .anonymous()
        .with_token(&token)
        .get("/admin/auth/me")
        .problem(401, "unauthenticated");
    cloud.log_in(OWNER.0, OWNER.1).problem(401, "invalid_credentials");
    cloud.log_in(OWNER.0, "a new password").expect(200);
}

#[test]
fn a_reset_refuses_strangers_and_poor_passwords() {
    let cloud = TestCloud::start();
    cloud.owner();
    cloud.kill9();
    for (username, password, word) in [
        ("nobody", "a new password\n", "nobody"),
        (OWNER.0, "short\n", "password"),
        (OWNER.0, "", "password"),
    ] {
        let output = reset(&cloud, username, password);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{username} {password:?}");
        assert!(said.contains(word), "{username} {password:?}: {said}");
    }
    cloud.start_again();
    cloud.log_in(OWNER.0, OWNER.1).expect(200);
}

fn reset(cloud: &TestCloud, username: &str, input: &str) -> Output {
    let mut child = cloud
        .command()
        .args(["admin", "reset-password", username])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("picloud can be started");
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    // It may have refused before it read.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("picloud ends")
}
