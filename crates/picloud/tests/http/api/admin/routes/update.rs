//! `PATCH` and `DELETE /api/v1/admin/routes/{id}`.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use serde_json::{Value, json};

use crate::harness::{Done, TestCloud, until};

fn path(route: &Value) -> String {
    format!("/admin/routes/{}", route["id"].as_str().expect("an id"))
}

#[test]
fn a_change_is_live_at_once() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let (one, two) = (app.script("one", "\"one\""), app.script("two", "\"two\""));
    let route = one.route("/old", &["GET"]);
    cloud.get("a.test", "/old").says("one");

    let changed = cloud
        .owner()
        .patch(&path(&route), &json!({ "path": "/new" }))
        .expect(200)
        .json();
    assert_eq!(
        (&changed["path"], &changed["methods"]),
        (&json!("/new"), &json!(["GET"]))
    );
    cloud.get("a.test", "/new").says("one");
    cloud.get("a.test", "/old").problem(404, "no_route");

    cloud
        .owner()
        .patch(&path(&route), &json!({ "script_id": two.id }))
        .expect(200);
    cloud.get("a.test", "/new").says("two");

    cloud
        .owner()
        .patch(&path(&route), &json!({ "methods": ["POST"] }))
        .expect(200);
    cloud.get("a.test", "/new").problem(405, "method_not_allowed");

    cloud.owner().delete(&path(&route)).expect(204);
    cloud.get("a.test", "/new").problem(404, "no_route");
    cloud.owner().delete(&path(&route)).problem(404, "not_found");
    cloud
        .owner()
        .patch(&path(&route), &json!({ "path": "/x" }))
        .problem(404, "not_found");
}

#[test]
fn the_host_can_be_set_and_taken_away() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.domain("b.test");
    let route = app.script("s", "1").route("/", &["GET"]);
    cloud
        .owner()
        .patch(&path(&route), &json!({ "host": "a.test" }))
        .expect(200);
    cloud.get("b.test", "/").problem(404, "no_route");
    let open = cloud
        .owner()
        .patch(&path(&route), &json!({ "host": null }))
        .expect(200)
        .json();
    assert_eq!(open["host"], Value::Null);
    cloud.get("b.test", "/").says("1");
}

#[test]
fn a_change_obeys_the_rules_of_a_new_route() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let script = app.script("s", "1");
    script.route("/taken", &["GET"]);
    let route = script.route("/mine", &["GET"]);
    let elsewhere = cloud.app("b").script("s", "1");
    let patch = |body: Value| cloud.owner().patch(&path(&route), &body);
    patch(json!({ "path": "/taken" })).problem(409, "route_conflict");
    patch(json!({ "path": "/api" })).problem(422, "reserved_path");
    patch(json!({ "host": "b.test" })).problem(422, "host_not_claimed");
    patch(json!({ "methods": [] })).problem(422, "validation_failed");
    let answer = patch(json!({ "script_id": elsewhere.id }));
    assert!(matches!(answer.status, 404 | 422), "{}", answer.text());
    let same = json!({ "path": null, "methods": null, "script_id": null });
    assert_eq!(patch(same).expect(200).json()["path"], "/mine");
    // It does not conflict with itself.
    patch(json!({ "path": "/mine", "methods": ["GET", "PUT"] })).expect(200);
}

/// Requests at one time while a route changes.
const READERS: usize = 2;
/// Changes that there are at least.
const CHANGES_MIN: usize = 20;

#[test]
fn readers_never_see_half_a_change() {
    let cloud = TestCloud::with().flag("--serving-threads", "2").start();
    let app = cloud.app_with_domain("a");
    // Each script wants the parameter that only its own path has.
    let sides = ["left", "right"].map(|side| {
        (
            side,
            app.script(side, &format!("\"{side} \" + request.params.{side}")),
        )
    });
    let route = path(&sides[0].1.route("/{left}", &["GET"]));
    let done = AtomicBool::new(false);
    let saw_both: [AtomicBool; READERS] = Default::default();
    thread::scope(|scope| {
        let _done = Done(&done);
        let readers = saw_both.each_ref().map(|saw_both| {
            let (cloud, done) = (&cloud, &done);
            scope.spawn(move || {
                let mut seen = [false; 2];
                while !done.load(Ordering::Relaxed) {
                    match cloud.get("a.test", "/1").expect(200).text().as_str() {
                        "left 1" => seen[0] = true,
                        "right 1" => seen[1] = true,
                        half => panic!("half a change: {half}"),
                    }
                    saw_both.store(seen == [true; 2], Ordering::Relaxed);
                }
            })
        });
        // A reader who has ended has seen something that must not be; the scope fails with it.
        let satisfied = || {
            let mut both = saw_both.iter().zip(&readers);
            both.all(|(saw_both, reader)| saw_both.load(Ordering::Relaxed) || reader.is_finished())
        };
        for (change, (side, script)) in sides.iter().rev().cycle().enumerate() {
            if change >= CHANGES_MIN && satisfied() {
                break;
            }
            let body = json!({ "path": format!("/{{{side}}}"), "script_id": script.id });
            // On a slow disk, a change may have to wait for records of the readers for longer than the server lets it.
            until(200, || cloud.owner().patch(&route, &body));
            cloud.get("a.test", "/1").says(&format!("{side} 1"));
        }
    });
}
