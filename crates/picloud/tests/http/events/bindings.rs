//! Subscriptions and schedules, through the whole program.

use serde_json::{Value, json};

use super::{app, kept, wait_for};
use crate::harness::{App, TestCloud, items};

#[track_caller]
fn make(app: &App<'_>, kinds: &str, body: &Value) -> Value {
    let path = app.path(&format!("/{kinds}"));
    app.cloud.owner().post(&path, body).expect(201).json()
}

fn path_of(app: &App<'_>, kinds: &str, made: &Value) -> String {
    app.path(&format!("/{kinds}/{}", made["id"].as_str().expect("an id")))
}

#[test]
fn whoever_subscribes_gets_what_is_emitted() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    app.serve(
        "/emit",
        "event::emit(\"orders.placed\", #{total: request.query.total.parse_int()}); 1",
    );
    let count = |key: &str| format!("kv::incr(\"{key}\"); 1");
    let (all, large) = (
        app.script("all", &count("all")),
        app.script("large", &count("large")),
    );
    cloud.get("a.test", "/emit?total=1").expect(200);

    let wants_all = make(
        &app,
        "subscriptions",
        &json!({ "name": "all", "script_id": all.id, "topic": "orders.*" }),
    );
    let filter = json!({ "data.total": { "gte": 100 } });
    let wants_large = make(
        &app,
        "subscriptions",
        &json!({ "name": "large", "script_id": large.id, "topic": "orders.placed", "filter": filter }),
    );
    for (total, all, large) in [(1, 1, Value::Null), (100, 2, json!(1))] {
        cloud.get("a.test", &format!("/emit?total={total}")).expect(200);
        wait_for(&cloud, "all", &json!(all));
        wait_for(&cloud, "large", &large);
    }

    let path = path_of(&app, "subscriptions", &wants_all);
    cloud
        .owner()
        .patch(&path, &json!({ "is_paused": true }))
        .expect(200);
    let path = path_of(&app, "subscriptions", &wants_large);
    let changed = cloud
        .owner()
        .patch(&path, &json!({ "filter": null }))
        .expect(200)
        .json();
    assert_eq!(
        (&changed["filter"], &changed["topic"]),
        (&Value::Null, &json!("orders.placed"))
    );
    cloud.get("a.test", "/emit?total=1").expect(200);
    wait_for(&cloud, "large", &json!(2));
    assert_eq!(kept(&cloud, "all"), json!(2), "events pass it by");

    cloud.owner().delete(&path).expect(204);
    cloud.owner().get(&path).problem(404, "not_found");
    let left = items(cloud.owner().get(&app.path("/subscriptions")));
    assert_eq!((left.len(), &left[0]["name"]), (1, &json!("all")));
}

#[test]
fn a_schedule_tells_when_it_is_due() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let script = app.script("nightly", "1");
    let schedule = json!({ "kind": "cron", "pattern": "30 9 * * *", "zone": "Asia/Kolkata" });
    let body = json!({ "name": "nightly", "script_id": script.id, "schedule": schedule,
        "arguments": [1, { "a": null }], "policy": { "overlap": "queue_one" } });
    let made = make(&app, "schedules", &body);
    assert_eq!(
        (&made["schedule"], &made["arguments"]),
        (&schedule, &body["arguments"])
    );
    assert_eq!(
        made["policy"],
        json!({ "overlap": "queue_one", "missed": "latest", "max_age_s": 3600, "caught_up_max": 100 })
    );
    let path = path_of(&app, "schedules", &made);
    let next = cloud.owner().get(&format!("{path}/next")).expect(200).json();
    assert_eq!(next.get("next_cursor"), Some(&Value::Null));
    let next = next["items"].as_array().expect("a list").clone();
    assert_eq!((next.len(), &next[0]["at"]), (10, &made["next_at"]));
    for moment in &next {
        let (at, local) = (moment["at"].as_str(), moment["local"].as_str());
        assert!(at.is_some_and(|at| at.contains("T04:00:00")), "{moment}");
        assert!(
            local.is_some_and(|local| local.ends_with("T09:30:00+05:30")),
            "{moment}"
        );
    }
    cloud
        .owner()
        .get(&format!("{path}/next?count=101"))
        .problem(422, "validation_failed");

    let paused = cloud
        .owner()
        .patch(&path, &json!({ "is_paused": true }))
        .expect(200)
        .json();
    assert_eq!(
        (&paused["next_at"], &paused["is_paused"]),
        (&Value::Null, &json!(true))
    );
    assert_eq!(paused["arguments"], body["arguments"], "what is not named stays");
    let past = json!({ "schedule": { "kind": "at", "at": "2020-01-01T00:00:00Z" } });
    let refused = cloud
        .owner()
        .patch(&path, &past)
        .problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["field"], "schedule");
}

#[test]
fn a_schedule_is_tried_out_before_it_is_made() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let path = app.path("/schedules:preview");
    let preview = |schedule: Value| cloud.owner().post(&path, &json!({ "schedule": schedule }));
    let once = json!({ "kind": "at", "at": "2040-01-01T12:00:00+01:00" });
    assert_eq!(
        preview(once).expect(200).json()["items"],
        json!([{ "at": "2040-01-01T11:00:00.000Z", "local": "2040-01-01T11:00:00+00:00" }])
    );
    let hourly = json!({ "kind": "cron", "pattern": "15 * * * *", "zone": "Asia/Kolkata" });
    let next = preview(hourly).expect(200).json();
    assert_eq!(next.get("next_cursor"), Some(&Value::Null));
    let next = next["items"].as_array().expect("a list").clone();
    assert_eq!(next.len(), 10);
    for moment in &next {
        let local = moment["local"].as_str();
        assert!(
            local.is_some_and(|local| local.ends_with(":15:00+05:30")),
            "{moment}"
        );
    }
    for wrong in [
        json!({ "kind": "at", "at": "2020-01-01T00:00:00Z" }),
        json!({ "kind": "cron", "pattern": "61 * * * *" }),
    ] {
        preview(wrong).problem(422, "validation_failed");
    }
    assert_eq!(items(cloud.owner().get(&app.path("/schedules"))).len(), 0);
}

#[test]
fn what_is_wrong_is_told() {
    let cloud = TestCloud::start();
    let (app, other) = (app(&cloud), cloud.app("other"));
    let (script, foreign) = (app.script("own", "1"), other.script("foreign", "1"));
    let body = json!({ "name": "one", "script_id": script.id, "topic": "a" });
    make(&app, "subscriptions", &body);
    let path = app.path("/subscriptions");
    let with = |field: &str, value: Value| {
        let mut body = body.clone();
        body["name"] = "two".into();
        body[field] = value;
        cloud.owner().post(&path, &body)
    };
    with("name", json!("one")).problem(409, "name_taken");
    with("script_id", json!(foreign.id)).problem(404, "not_found");
    for (field, value) in [
        ("name", json!("-a")),
        ("topic", json!("a b")),
        ("topic", json!("picloud.nonsense")),
        ("filter", json!({ "data": { "above": 1 } })),
        ("filter", json!({ "total": 1 })),
        ("retry", json!({ "attempts_max": 26 })),
        ("batch", json!({ "events_max": 1 })),
        ("batch", json!({ "events_max": 101 })),
        ("batch", json!({ "events_max": 2, "wait_ms": 60_001 })),
        ("concurrency_max", json!(0)),
        ("concurrency_max", json!(1_001)),
        ("on_success", json!({ "topic": "picloud.mine" })),
        ("on_failure", json!({ "script_id": foreign.id })),
    ] {
        with(field, value).problem(422, "validation_failed");
    }
    let pattern = with("on_failure", json!({ "topic": "x.*" })).problem(422, "validation_failed");
    let errors = pattern["errors"].as_array().expect("errors");
    assert_eq!(
        (errors.len(), &errors[0]["field"]),
        (1, &json!("on_failure.topic"))
    );
    let in_use = cloud
        .owner()
        .delete(&format!("/admin/scripts/{}", script.id))
        .problem(409, "script_in_use");
    assert_eq!(in_use["started_by"], json!(["subscription one"]));
    let told = app.script("told", "1");
    with("on_failure", json!({ "script_id": told.id })).expect(201);
    let in_use = cloud.owner().delete(&told.path("")).problem(409, "script_in_use");
    assert_eq!(in_use["started_by"], json!(["subscription two"]));
}

#[test]
fn a_bundle_and_a_release_hold_them() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let bundle = |topic: &str| {
        json!({
            "scripts": [{ "name": "tell", "source": "1" }, { "name": "told", "source": "2" }],
            "routes": [],
            "subscriptions": [
                { "name": "tell", "script": "tell", "topic": topic, "on_failure": { "script": "told" },
                  "batch": { "events_max": 20 }, "concurrency_max": 3 },
            ],
            "schedules": [
                { "name": "nightly", "script": "told", "schedule": { "kind": "every", "seconds": 86_400 } },
            ],
        })
    };
    let releases = app.path("/releases");
    let first = cloud.owner().post(&releases, &bundle("a")).expect(201).json();
    let number = first["release"]["number"].as_u64().expect("a number");
    let changed = cloud.owner().post(&releases, &bundle("b.*")).expect(201).json();
    let differences = &changed["changes"]["subscriptions"];
    assert_eq!(
        (
            &differences[0]["fields"],
            &differences[0]["after"]["spec"]["topic"]
        ),
        (&json!(["topic"]), &json!("b.*"))
    );
    cloud.owner().post(&releases, &bundle("b.*")).expect(200);
    let restore = format!("{releases}/{number}:restore");
    cloud.owner().post(&restore, &json!({})).expect(201);
    let restored = items(cloud.owner().get(&app.path("/subscriptions")));
    let id = &differences[0]["id"];
    assert_eq!((&restored[0]["id"], &restored[0]["topic"]), (id, &json!("a")));
    assert_eq!(
        (&restored[0]["batch"], &restored[0]["concurrency_max"]),
        (&json!({ "events_max": 20, "wait_ms": 0 }), &json!(3))
    );
    let got = cloud
        .owner()
        .get(&format!("{releases}/{number}"))
        .expect(200)
        .json();
    assert_eq!(got["manifest"]["schedules"][0]["name"], "nightly");

    let mut wrong = bundle("a");
    wrong["dry_run"] = true.into();
    wrong["subscriptions"][0]["batch"]["events_max"] = 0.into();
    let refused = cloud
        .owner()
        .post(&releases, &wrong)
        .problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["field"], "subscriptions[0].batch.events_max");
    let mut wrong = bundle("a");
    wrong["subscriptions"][0]["on_failure"]["script"] = "nobody".into();
    let refused = cloud
        .owner()
        .post(&releases, &wrong)
        .problem(422, "validation_failed");
    assert_eq!(
        refused["errors"][0]["field"],
        "subscriptions[0].on_failure.script"
    );
}
