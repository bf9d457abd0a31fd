//! `POST /api/v1/admin/setup`: the first owner.

use serde_json::{Value, json};

use crate::harness::{OWNER, TestCloud};

fn setup(cloud: &TestCloud, code: &str, username: &str, password: &str) -> crate::harness::Answer {
    cloud.anonymous().post(
        "/admin/setup",
        &json!({ "code": code, "username": username, "password": password }),
    )
}

#[test]
fn the_code_from_the_console_makes_the_first_owner() {
    let cloud = TestCloud::with().without_owner().start();
    let code = cloud.process().announced("Setup code");
    let answer = setup(&cloud, &code, "Grace", "a fine password");
    assert!(matches!(answer.status, 200 | 201), "{}", answer.text());

    let grace = cloud.sign_in("grace", "a fine password");
    let me = grace.get("/admin/auth/me").expect(200).json();
    assert_eq!(me["username"], "grace");
    assert_eq!(me["instance_role"], "owner");
    assert_eq!(me["is_active"], true);

    setup(&cloud, &code, "second", "a fine password").problem(409, "already_set_up");
}

#[test]
fn everybody_can_tell_whether_it_is_needed() {
    let cloud = TestCloud::with().without_owner().start();
    let needed = || cloud.anonymous().get("/admin/setup").expect(200).json()["needed"].clone();
    assert_eq!(needed(), true);
    let code = cloud.process().announced("Setup code");
    setup(&cloud, &code, "grace", "a fine password");
    assert_eq!(needed(), false);
}

#[test]
fn a_wrong_code_or_a_poor_password_makes_nobody() {
    let cloud = TestCloud::with().without_owner().start();
    let code = cloud.process().announced("Setup code");
    setup(&cloud, "AAAA-BBBB-CCCC", "grace", "a fine password").problem(403, "invalid_setup_code");
    setup(&cloud, "", "grace", "a fine password").problem(403, "invalid_setup_code");
    for (username, password) in [
        ("grace", "short"),
        ("", "a fine password"),
        ("with space", "a fine password"),
    ] {
        setup(&cloud, &code, username, password).problem(422, "validation_failed");
    }
    let answer = setup(&cloud, &code, "grace", "a fine password");
    assert!(
        matches!(answer.status, 200 | 201),
        "the code still works: {}",
        answer.text()
    );
}

#[test]
fn guessing_the_code_is_slowed_down() {
    let cloud = TestCloud::with().without_owner().start();
    let statuses: Vec<u16> = (0..100)
        .map(|guess| {
            setup(
                &cloud,
                &format!("AAAA-BBBB-{guess:04}"),
                "grace",
                "a fine password",
            )
            .status
        })
        .collect();
    assert!(statuses.contains(&429), "100 guesses went through: {statuses:?}");
}

#[test]
fn one_of_two_at_once_wins() {
    let cloud = TestCloud::with().without_owner().start();
    let code = cloud.process().announced("Setup code");
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let racers: Vec<_> = ["one", "two"]
            .map(|name| scope.spawn(|| setup(&cloud, &code, name, "a fine password").status))
            .into_iter()
            .collect();
        racers
            .into_iter()
            .map(|racer| racer.join().expect("no request fails"))
            .collect()
    });
    let won = statuses
        .iter()
        .filter(|status| matches!(status, 200 | 201))
        .count();
    assert_eq!((won, statuses.contains(&409)), (1, true), "{statuses:?}");
}

#[test]
fn an_owner_from_the_environment_leaves_nothing_to_set_up() {
    let cloud = TestCloud::start();
    assert_eq!(
        cloud.owner().get("/admin/auth/me").expect(200).json()["username"],
        OWNER.0
    );
    setup(&cloud, "AAAA-BBBB-CCCC", "grace", "a fine password").problem(409, "already_set_up");
    cloud.process().signal("TERM");
    let (_, output) = cloud.process().wait();
    assert!(!output.contains("Setup code"), "{output}");
}

#[test]
fn the_code_changes_with_every_start_until_it_was_used() {
    let cloud = TestCloud::with().without_owner().start();
    let first = cloud.process().announced("Setup code");
    cloud.start_again();
    let second = cloud.process().announced("Setup code");
    assert_ne!(first, second);
    setup(&cloud, &first, "grace", "a fine password").problem(403, "invalid_setup_code");
    let user = setup(&cloud, &second, "grace", "a fine password").json();
    assert_ne!(user, Value::Null);
}

#[test]
fn the_environment_counts_only_while_nobody_exists() {
    let cloud = TestCloud::start();
    cloud.owner();
    cloud.start_again_with(|command| {
        command
            .env("PICLOUD_ADMIN_USERNAME", "mallory")
            .env("PICLOUD_ADMIN_PASSWORD", "another fine password");
    });
    cloud
        .log_in("mallory", "another fine password")
        .problem(401, "invalid_credentials");
    cloud.log_in(OWNER.0, OWNER.1).expect(200);
}
