//! `PATCH /api/v1/admin/scripts/{id}`: a new source is a new version, and live.

use serde_json::{Value, json};

use crate::harness::TestCloud;

#[test]
fn the_next_request_gets_the_new_version() {
    let cloud = TestCloud::start();
    let script = cloud.app_with_domain("a").serve("/", "\"version 1\"");
    cloud.get("a.test", "/").says("version 1");
    for version in 2..20 {
        assert_eq!(script.save(&format!("\"version {version}\""))["version"], version);
        cloud.get("a.test", "/").says(&format!("version {version}"));
    }
}

#[test]
fn a_syntax_error_changes_nothing() {
    let cloud = TestCloud::start();
    let script = cloud.app_with_domain("a").serve("/", "\"still here\"");
    let problem = script
        .try_save("let x = 1;\nlet = 2;")
        .problem(422, "script_invalid");
    assert_eq!(problem["line"], 2);
    assert!(problem["column"].as_u64().is_some(), "{problem}");
    cloud.get("a.test", "/").says("still here");
    assert_eq!(
        cloud.owner().get(&script.path("")).expect(200).json()["version"],
        1
    );
}

#[test]
fn if_match_guards_against_lost_updates() {
    let cloud = TestCloud::start();
    let script = cloud.app("a").script("s", "1");
    let save = |version: &str, source: &str| {
        let call = cloud
            .owner()
            .call("PATCH", &format!("/api/v1{}", script.path("")))
            .header("if-match", version);
        call.json(&json!({ "source": source })).send()
    };
    assert_eq!(save("1", "2").expect(200).json()["version"], 2);
    save("1", "3").problem(412, "version_mismatch");
    assert_eq!(save("\"2\"", "3").expect(200).json()["version"], 3);
    // A list has to have the live version; a weak tag never matches.
    for stale in ["\"1\", \"2\"", "W/\"3\"", "\"no version\""] {
        save(stale, "4").problem(412, "version_mismatch");
    }
    for nonsense in ["", "three", "\"3"] {
        save(nonsense, "4").problem(400, "bad_request");
    }
    assert_eq!(
        cloud.owner().get(&script.path("")).expect(200).json()["source"],
        "3"
    );
}

#[test]
fn a_list_of_versions_matches_if_the_live_one_is_in_it() {
    let cloud = TestCloud::start();
    let script = cloud.app("a").script("s", "1");
    let call = cloud
        .owner()
        .call("PATCH", &format!("/api/v1{}", script.path("")))
        .header("if-match", "\"7\", W/\"8\", \"1\"");
    let saved = call.json(&json!({ "source": "2" })).send().expect(200);
    assert_eq!(saved.header("etag"), Some("\"2\""));
}

#[test]
fn the_same_source_is_a_new_version_too() {
    let cloud = TestCloud::start();
    let script = cloud.app("a").script("s", "1");
    assert_eq!(script.save("1")["version"], 2);
    let version = cloud.owner().get(&script.path("/versions/2")).expect(200).json();
    assert_eq!(version["source"], "1");
}

#[test]
fn null_leaves_things_as_they_are() {
    let cloud = TestCloud::start();
    let fields = json!({ "name": "s", "source": "1", "description": "d", "limits": null });
    let script = cloud.app("a").script_with(fields);
    let body = json!({
        "name": null, "source": null, "description": null, "note": null,
        "limits": { "timeout_ms": 100, "cpu_ms_max": null },
    });
    let changed = cloud.owner().patch(&script.path(""), &body).expect(200).json();
    for (field, expected) in [
        ("name", json!("s")),
        ("description", json!("d")),
        ("version", json!(1)),
    ] {
        assert_eq!(changed[field], expected, "{changed}");
    }
    assert_eq!(changed["limits"]["timeout_ms"], 100);
    assert_eq!(changed["limits"]["cpu_ms_max"], 2_000);
    let nothing = json!({ "limits": null });
    cloud.owner().patch(&script.path(""), &nothing).expect(200);
}

#[test]
fn one_of_many_with_the_same_if_match_wins() {
    let cloud = TestCloud::start();
    let script = cloud.app("a").script("s", "0");
    let (owner, path) = (cloud.owner(), format!("/api/v1{}", script.path("")));
    let mut statuses: Vec<u16> = std::thread::scope(|scope| {
        let save = |number: u32| {
            let call = owner.call("PATCH", &path).header("if-match", "1");
            call.json(&json!({ "source": number.to_string() })).send().status
        };
        let racers: Vec<_> = (1..=8).map(|number| scope.spawn(move || save(number))).collect();
        racers
            .into_iter()
            .map(|racer| racer.join().expect("no request fails"))
            .collect()
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412]);
}

#[test]
fn name_description_and_limits_make_no_version() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    app.script("taken", "1");
    let script = app.script("s", "1");
    let patch = |body: Value| cloud.owner().patch(&script.path(""), &body);
    let changed = patch(json!({ "name": "t", "description": "d", "limits": { "timeout_ms": 100 } }))
        .expect(200)
        .json();
    assert_eq!((&changed["version"], &changed["name"]), (&json!(1), &json!("t")));
    assert_eq!(changed["limits"]["timeout_ms"], 100);
    patch(json!({ "name": "taken" })).problem(409, "script_name_taken");
    patch(json!({ "name": "a b" })).problem(422, "validation_failed");
    patch(json!({ "limits": { "timeout_ms": 0 } })).problem(422, "validation_failed");
    patch(json!({ "version": 7 })).problem(422, "validation_failed");
}

#[test]
fn new_limits_are_live_at_once() {
    let cloud = TestCloud::start();
    let script = cloud
        .app("a")
        .script("s", "let n = 0; for i in 0..100000 { n += 1 } n");
    script.execute().says("100000");
    cloud
        .owner()
        .patch(
            &script.path(""),
            &json!({ "limits": { "operations_max": 1_000 } }),
        )
        .expect(200);
    script.execute().problem(500, "script_limit_exceeded");
}

#[test]
fn requests_in_flight_finish_on_the_version_they_began_with() {
    let cloud = TestCloud::with().flag("--serving-threads", "1").start();
    let app = cloud.app_with_domain("a");
    let script = app.serve("/", "sleep(1.0); \"old\"");
    let mut early = cloud.raw();
    early
        .send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        .expect("the server reads");
    // The only serving thread takes connections in order, so once this one is answered the early one runs.
    cloud.get("localhost", "/").expect(200);
    script.save("\"new\"");
    cloud.get("a.test", "/").says("new");
    early.answer().says("old");
}
