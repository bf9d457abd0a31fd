//! `/api/v1/admin/apps/{app}/executions:tail`: runs as they are recorded.

use serde_json::{Value, json};

use crate::harness::{App, Client, Events, OWNER, TestCloud};

/// Streams of one session at one time.
const PER_SESSION_MAX: usize = 5;

/// Follows an app's runs.
#[track_caller]
fn follow(client: &Client, app: &App<'_>, query: &str) -> Events {
    client.call("GET", &path(app, query)).follow()
}

/// Takes a stream up again.
#[track_caller]
fn follow_after(app: &App<'_>, seen: &str, query: &str) -> Events {
    let call = app.cloud.owner().call("GET", &path(app, query));
    call.header("last-event-id", seen).follow()
}

fn path(app: &App<'_>, query: &str) -> String {
    format!("/api/v1{}", app.path(&format!("/executions:tail{query}")))
}

/// Runs a script; gives the id of the run.
#[track_caller]
fn run(cloud: &TestCloud, host: &str, path: &str) -> String {
    let answer = cloud.get(host, path);
    answer.header("x-request-id").expect("an id").to_owned()
}

#[test]
fn a_run_is_told_of_as_the_list_has_it() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/good", "log::info(\"said\"); 1");
    app.serve("/bad", "throw \"x\"");
    cloud.app_with_domain("b").serve("/", "1");
    let mut events = follow(cloud.owner(), &app, "");
    // What another app does is never seen.
    run(&cloud, "b.test", "/");
    let good = run(&cloud, "a.test", "/good");
    let told = events.next_run();
    assert_eq!((&told["id"], &told["status"]), (&json!(good), &json!("success")));
    let bad = run(&cloud, "a.test", "/bad");
    let also_told = events.next_run();
    assert_eq!(also_told["id"], bad);
    assert_eq!(app.executions("", 2), [also_told, told]);
}

#[test]
fn only_what_fits_is_told_of() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/good", "1");
    let bad = app.serve("/bad", "log::error(\"Needle in the hay\"); throw \"x\"");
    let filters = [
        format!("?script={}", bad.id),
        "?status=error".to_owned(),
        "?q=nEEdle".to_owned(),
        "?trigger=http&status=error".to_owned(),
    ];
    // Each in a session of its own.
    let mut all: Vec<Events> = filters
        .iter()
        .map(|filter| follow(&cloud.sign_in(OWNER.0, OWNER.1), &app, filter))
        .collect();
    run(&cloud, "a.test", "/good");
    let failed = run(&cloud, "a.test", "/bad");
    for (events, filter) in all.iter_mut().zip(&filters) {
        assert_eq!(events.next_run()["id"], failed, "{filter}");
    }
    for query in [
        "?status=odd",
        "?trigger=odd",
        "?script=x",
        "?since=2024-05-01T10:00:00Z",
        "?last_event_id=x",
    ] {
        cloud
            .owner()
            .get(&app.path(&format!("/executions:tail{query}")))
            .problem(422, "validation_failed");
    }
}

#[test]
fn a_stream_is_taken_up_where_it_broke_off() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/good", "1");
    app.serve("/bad", "throw \"x\"");
    let seen = run(&cloud, "a.test", "/good");
    app.executions("", 1);
    let missed = [run(&cloud, "a.test", "/bad"), run(&cloud, "a.test", "/good")];
    app.executions("", 3);
    let by_query = format!("?last_event_id={seen}");
    for mut events in [
        follow_after(&app, &seen, ""),
        follow(cloud.owner(), &app, &by_query),
    ] {
        let told = [events.next_run(), events.next_run()].map(|run| text(&run, "id"));
        assert_eq!(told, missed);
    }
    // Then it goes on.
    let mut failures = follow_after(&app, &seen, "?status=error");
    assert_eq!(failures.next_run()["id"], missed[0]);
    run(&cloud, "a.test", "/good");
    let next = run(&cloud, "a.test", "/bad");
    assert_eq!(failures.next_run()["id"], next);
}

#[test]
fn what_cannot_be_taken_up_is_said() {
    let cloud = TestCloud::start();
    let (app, other) = (cloud.app_with_domain("a"), cloud.app_with_domain("b"));
    for app in [&app, &other] {
        app.serve("/", "1");
    }
    let foreign = run(&cloud, "b.test", "/");
    other.executions("", 1);
    for unknown in ["x", "01890a5d-ac96-774b-bcce-b302099a8057", foreign.as_str()] {
        let mut events = follow_after(&app, unknown, "");
        let first = events.next().expect("an event");
        assert_eq!(
            (first.name.as_str(), &first.data),
            ("skipped", &json!({ "runs": null }))
        );
        let next = run(&cloud, "a.test", "/");
        assert_eq!(events.next_run()["id"], next);
    }
}

#[test]
fn a_viewer_follows_until_they_are_none_any_more() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/", "1");
    let person = cloud.person("grace", "member");
    person
        .client
        .get(&app.path("/executions:tail"))
        .problem(404, "not_found");
    app.admit(&person.id, "viewer");
    let mut events = follow(&person.client, &app, "");
    let id = run(&cloud, "a.test", "/");
    assert_eq!(events.next_run()["id"], id);
    let membership = app.path(&format!("/members/{}", person.id));
    cloud.owner().delete(&membership).expect(204);
    events.ends("access");
}

#[test]
fn a_stream_ends_with_its_session_and_with_its_app() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let leaving = cloud.sign_in(OWNER.0, OWNER.1);
    let (left, stayed) = (follow(&leaving, &app, ""), follow(cloud.owner(), &app, ""));
    leaving.post("/admin/auth/logout", &json!({})).expect(204);
    left.ends("access");
    cloud.owner().delete(&app.path("")).expect(204);
    stayed.ends("access");
}

#[test]
fn a_session_has_a_bound_on_streams() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let mut open: Vec<Events> = (0..PER_SESSION_MAX)
        .map(|_| follow(cloud.owner(), &app, ""))
        .collect();
    let again = || cloud.owner().get(&app.path("/executions:tail"));
    again().problem(429, "too_many_requests");
    // Another session has its own.
    follow(&cloud.sign_in(OWNER.0, OWNER.1), &app, "");
    open.pop();
    crate::harness::until(200, again);
}

#[test]
fn a_stop_ends_streams_and_does_not_wait_for_them() {
    let cloud = TestCloud::with().flag("--drain-seconds", "600").start();
    let app = cloud.app("a");
    let events = follow(cloud.owner(), &app, "");
    cloud.process().signal("TERM");
    events.ends("stopping");
    cloud.process().wait();
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().expect("a text").to_owned()
}
