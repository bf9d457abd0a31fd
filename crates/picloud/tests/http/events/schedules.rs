//! Schedules that run, through the whole program.

use std::time::Instant;

use serde_json::{Value, json};

use super::{app, kept, wait_for};
use crate::harness::{App, Script, TestCloud, WAIT_MAX, items};

/// Has a script run each second, with more of what is said of its schedule; gives the path of the schedule.
#[track_caller]
fn each_second(app: &App<'_>, script: &Script<'_>, more: &Value) -> String {
    let mut body = json!({ "name": script_name(more), "script_id": script.id,
        "schedule": { "kind": "every", "seconds": 1 } });
    for (field, value) in more.as_object().expect("an object") {
        body[field] = value.clone();
    }
    let made = app
        .cloud
        .owner()
        .post(&app.path("/schedules"), &body)
        .expect(201)
        .json();
    app.path(&format!("/schedules/{}", made["id"].as_str().expect("an id")))
}

fn script_name(more: &Value) -> &str {
    more["name"].as_str().unwrap_or("each-second")
}

fn ledger(cloud: &TestCloud, schedule: &str) -> Vec<Value> {
    items(cloud.owner().get(&format!("{schedule}/ledger?limit=200")))
}

/// Waits until the ledger is like that; gives it.
#[track_caller]
fn wait_for_ledger(cloud: &TestCloud, schedule: &str, is_so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let rows = ledger(cloud, schedule);
        if is_so(&rows) {
            return rows;
        }
        assert!(begun.elapsed() < WAIT_MAX, "{rows:?}");
    }
}

fn with_state(rows: &[Value], state: &str) -> usize {
    rows.iter().filter(|row| row["state"] == state).count()
}

#[test]
fn each_occurrence_runs_once_and_has_its_row() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let script = app.script(
        "count",
        "let event = request.event;
         kv::set(\"last\", #{data: event.data, attempt: event.attempt, catch_up: event.catch_up});
         kv::incr(\"n\");
         1",
    );
    let schedule = each_second(
        &app,
        &script,
        &json!({ "arguments": { "a": [1] }, "policy": { "overlap": "allow" } }),
    );
    wait_for_ledger(&cloud, &schedule, |rows| rows.len() >= 3);
    cloud
        .owner()
        .patch(&schedule, &json!({ "is_paused": true }))
        .expect(200);
    let rows = wait_for_ledger(&cloud, &schedule, |rows| kept(&cloud, "n") == json!(rows.len()));
    assert_eq!(
        kept(&cloud, "last"),
        json!({ "data": { "a": [1] }, "attempt": 1, "catch_up": false })
    );
    let mut moments: Vec<&str> = Vec::new();
    for row in &rows {
        assert_eq!(
            (&row["state"], &row["reason"], &row["until"]),
            (&json!("ran"), &Value::Null, &Value::Null)
        );
        moments.push(row["scheduled_at"].as_str().expect("a moment"));
        let delivery = row["delivery_id"].as_str().expect("an id");
        let delivery = app.path(&format!("/deliveries/{delivery}"));
        cloud.owner().get(&delivery).expect(200);
    }
    assert!(moments.is_sorted_by(|newer, older| newer > older), "{moments:?}");
    let runs = app.executions("?trigger=schedule", rows.len());
    assert!(runs.len() >= rows.len());
    let page = cloud
        .owner()
        .get(&format!("{schedule}/ledger?limit=1"))
        .expect(200)
        .json();
    let cursor = page["next_cursor"].as_str().expect("there is more");
    let next = format!("{schedule}/ledger?limit=1&cursor={cursor}");
    let second = cloud.owner().get(&next).expect(200).json();
    let first = page["items"][0].clone();
    let all = ledger(&cloud, &schedule);
    let at = all
        .iter()
        .position(|row| *row == first)
        .expect("it is in the list");
    assert_eq!(second["items"], json!([all[at + 1]]));
}

#[test]
fn what_finds_a_run_going_is_skipped_or_waits() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    // It fails, and is tried again later: its run goes on until then.
    let busy = app.script("busy", "retry::after(3600, \"busy\")");
    let skips = each_second(&app, &busy, &json!({ "name": "skips" }));
    let queues = each_second(
        &app,
        &busy,
        &json!({ "name": "queues", "policy": { "overlap": "queue_one" } }),
    );
    let rows = wait_for_ledger(&cloud, &skips, |rows| with_state(rows, "skipped") >= 2);
    assert_eq!(
        (with_state(&rows, "ran"), rows.len()),
        (1, with_state(&rows, "skipped") + 1)
    );
    assert_eq!(rows[0]["reason"], "still_running");
    let rows = wait_for_ledger(&cloud, &queues, |rows| with_state(rows, "skipped") >= 1);
    assert_eq!((with_state(&rows, "ran"), with_state(&rows, "waiting")), (1, 1));
    assert_eq!(rows[0]["reason"], "one_waits");

    // What waited runs when that which it waited for has ended.
    cloud
        .owner()
        .patch(&skips, &json!({ "is_paused": true }))
        .expect(200);
    let first = rows.iter().find(|row| row["state"] == "ran").expect("a row");
    let delivery = first["delivery_id"].as_str().expect("an id");
    let cancel = app.path(&format!("/deliveries/{delivery}:cancel"));
    cloud.owner().post(&cancel, &json!({})).expect(200);
    wait_for_ledger(&cloud, &queues, |rows| {
        with_state(rows, "ran") + with_state(rows, "late") >= 2
    });
}

#[test]
fn what_waits_begins_once_the_run_before_it_is_cancelled_or_dead() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    app.serve("/die", "kv::set(\"die\", true); \"\"");
    let script = app.script(
        "busy",
        "if kv::get(\"die\") == true { retry::never(\"told to\") } retry::after(1, \"busy\")",
    );
    // So seldom that nothing else looks at them meanwhile.
    let with = |name: &str| {
        let more = json!({ "name": name, "schedule": { "kind": "every", "seconds": 10 },
            "policy": { "overlap": "queue_one" }, "retry": { "attempts_max": 25 } });
        each_second(&app, &script, &more)
    };
    let (cancelled, dies) = (with("cancelled"), with("dies"));
    wait_for_ledger(&cloud, &dies, |rows| with_state(rows, "waiting") == 1);
    let rows = wait_for_ledger(&cloud, &cancelled, |rows| with_state(rows, "waiting") == 1);
    let first = rows.iter().find(|row| row["state"] == "ran").expect("a row");
    let delivery = first["delivery_id"].as_str().expect("an id");
    let cancel = app.path(&format!("/deliveries/{delivery}:cancel"));
    cloud.owner().post(&cancel, &json!({})).expect(200);
    cloud.get("a.test", "/die").says("");
    for schedule in [&cancelled, &dies] {
        let rows = wait_for_ledger(&cloud, schedule, |rows| with_state(rows, "waiting") == 0);
        assert_eq!(rows.len(), 2, "it did not wait for the next one: {rows:?}");
    }
}

#[test]
fn what_is_replaced_can_write_nothing_any_more() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let script = app.script("busy", "retry::after(3600, \"busy\")");
    let schedule = each_second(&app, &script, &json!({ "policy": { "overlap": "replace" } }));
    wait_for_ledger(&cloud, &schedule, |rows| with_state(rows, "ran") >= 3);
    cloud
        .owner()
        .patch(&schedule, &json!({ "is_paused": true }))
        .expect(200);
    let cancelled = app.path("/deliveries?state=cancelled&limit=200");
    wait_for_ledger(&cloud, &schedule, |rows| {
        items(cloud.owner().get(&cancelled)).len() + 1 == with_state(rows, "ran")
    });
}

#[test]
fn a_schedule_runs_now_if_somebody_says_so() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let script = app.script("now", "kv::set(\"ran\", request.event.data); 1");
    let more = json!({ "schedule": { "kind": "at", "at": "2040-01-01T00:00:00Z" }, "arguments": 7,
        "is_paused": true });
    let schedule = each_second(&app, &script, &more);
    let begun = cloud
        .owner()
        .post(&format!("{schedule}:run"), &json!({}))
        .expect(202);
    let location = begun.header("location").expect("where it is").to_owned();
    wait_for(&cloud, "ran", &json!(7));
    let delivery = cloud
        .owner()
        .get(location.trim_start_matches("/api/v1"))
        .expect(200)
        .json();
    assert_eq!(delivery["id"], begun.json()["delivery_id"]);
    assert_eq!(ledger(&cloud, &schedule), [Value::Null; 0]);
}

#[test]
fn nothing_is_lost_or_doubled_when_the_server_is_killed() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let script = app.script("count", "kv::incr(\"n\"); 1");
    let more = json!({ "policy": { "overlap": "allow", "missed": "all" } });
    let schedule = each_second(&app, &script, &more);
    for kills in 1..=3 {
        wait_for_ledger(&cloud, &schedule, |rows| rows.len() >= 2 * kills);
        cloud.kill9();
        cloud.start_again();
    }
    cloud
        .owner()
        .patch(&schedule, &json!({ "is_paused": true }))
        .expect(200);
    let rows = wait_for_ledger(&cloud, &schedule, |rows| kept(&cloud, "n") == json!(rows.len()));
    let started = with_state(&rows, "ran") + with_state(&rows, "late");
    assert_eq!(started, rows.len(), "{rows:?}");
    // One row for each second, from the first to the last.
    let seconds = |row: &Value| {
        let text = row["scheduled_at"].as_str().expect("a moment");
        let clock: Vec<u64> = text[11..19]
            .split(':')
            .filter_map(|part| part.parse().ok())
            .collect();
        clock[0] * 3_600 + clock[1] * 60 + clock[2]
    };
    let (newest, oldest) = (seconds(&rows[0]), seconds(&rows[rows.len() - 1]));
    let passed = (newest + 86_400 - oldest) % 86_400;
    assert_eq!(passed + 1, rows.len() as u64, "{rows:?}");
}

#[test]
fn whoever_subscribes_is_told_of_what_was_missed_while_the_server_was_off() {
    let cloud = TestCloud::with().with_faked_clock().start();
    let app = app(&cloud);
    let keep = "kv::incr(\"told\");
        let event = request.event;
        kv::set(\"missed\", #{subject: event.subject, source: event.source, data: event.data});
        1";
    let body = json!({ "name": "missed", "script_id": app.script("keep", keep).id,
        "topic": "picloud.schedule.missed" });
    cloud.owner().post(&app.path("/subscriptions"), &body).expect(201);
    let more = json!({ "name": "minutes", "schedule": { "kind": "every", "seconds": 60 },
        "policy": { "missed": "none" } });
    let schedule = each_second(&app, &app.script("tick", "1"), &more);

    cloud.kill9();
    cloud.clock().set(600);
    cloud.start_again();
    wait_for(&cloud, "told", &json!(1));
    let told = kept(&cloud, "missed");
    assert_eq!(
        (&told["subject"], &told["source"]),
        (&json!("minutes"), &json!("/schedules/minutes"))
    );
    let data = &told["data"];
    let id = schedule.rsplit('/').next().expect("an id");
    assert_eq!(data["schedule"], json!({ "id": id, "name": "minutes" }));

    // What the ledger says of the same time, the newest first.
    let last = data["last"].as_str().expect("a moment");
    let missed: Vec<Value> = ledger(&cloud, &schedule)
        .into_iter()
        .filter(|row| row["state"] == "missed")
        .map(|row| row["scheduled_at"].clone())
        .filter(|moment| moment.as_str().is_some_and(|moment| moment <= last))
        .collect();
    // The last one before the start may have been on time.
    assert!(missed.len() >= 9, "{missed:?}");
    assert_eq!(data["occurrences"], json!(missed.len()));
    assert_eq!(missed.first(), Some(&data["last"]));
    assert_eq!(missed.last(), Some(&data["first"]));
}
