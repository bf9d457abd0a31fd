//! A clock that is set while the server runs: nothing is lost, nothing comes twice, and nothing waits for that.

use std::{collections::BTreeMap, time::Instant};

use picloud_shared::time::Timestamp;
use serde_json::{Value, json};

use super::{app, wait_for};
use crate::harness::{App, TestCloud, WAIT_MAX};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// What the clock shows one after the other, in seconds beside the machine's: an hour and a day, both ways; and at last
/// far enough ahead for all that waits for a moment of the clock.
const STEPS: [i64; 5] = [HOUR, 0, DAY, 0, 2 * DAY];

/// Emits what is to be there once after the step whose number is in the query.
const EMIT: &str = "let step = request.query.step;
    event::emit(\"later\", #{step: step}, #{delay: parse_int(request.query.delay)});
    event::emit(\"unsteady\", #{step: step});
    event::emit(\"long\", #{step: step});
    \"\"";

const LATER: &str = "kv::incr(`later/${request.event.data.step}`); 1";

/// Fails before the step, and is tried again soon after.
const UNSTEADY: &str = "let step = request.event.data.step;
    if request.event.attempt == 1 {
        kv::set(`failed/${step}`, true);
        transaction::commit();
        retry::after(3, \"not yet\")
    }
    kv::incr(`unsteady/${step}`);
    1";

/// Has its lease before the step and after it.
const LONG: &str = "let step = request.event.data.step;
    kv::set(`begun/${step}`, true);
    transaction::commit();
    kv::incr(`long/${step}`);
    sleep(3);
    1";

const TICK: &str = "kv::incr(`ticks/${request.event.data}/${request.event.scheduled_at}`); 1";

/// Counts what was missed of each schedule.
const MISSED: &str =
    "let data = request.event.data; kv::incr(`missed/${data.schedule.name}`, data.occurrences); 1";

/// How often each moment of a schedule has run.
const TICKS: &str = "let ticks = #{}; let cursor = ();
    loop {
        let page = kv::list(`ticks/${request.query.schedule}/`, #{limit: 1000, cursor: cursor});
        for entry in page.entries { ticks[entry.key.split(\"/\")[2]] = entry.value }
        cursor = page.cursor;
        if cursor == () { break }
    }
    ticks";

/// Each schedule, and how many seconds are between two of its moments.
const SCHEDULES: [(&str, i64); 2] = [("minutes", 60), ("hours", HOUR)];

#[test]
fn a_clock_that_is_set_loses_nothing_and_doubles_nothing() {
    // So that nobody has to sign in again.
    let cloud = TestCloud::with()
        .with_faked_clock()
        .flag("--session-ttl-hours", "240")
        .start();
    let app = app(&cloud);
    app.serve("/emit", EMIT);
    app.serve("/now", "time::now()");
    app.serve("/ticks", TICKS);
    for (name, topic, source) in [
        ("later", "later", LATER),
        ("unsteady", "unsteady", UNSTEADY),
        ("long", "long", LONG),
        ("missed", "picloud.schedule.missed", MISSED),
    ] {
        subscribe(&app, name, topic, source);
    }
    let schedules = SCHEDULES.map(|(name, seconds)| schedule(&app, name, seconds));

    let mut shown = 0;
    for (number, step) in STEPS.into_iter().enumerate() {
        let is_ahead = step > shown;
        // So long that only the step brings it.
        let delay = if is_ahead { (step - shown) / 2 } else { 60 };
        cloud
            .get("a.test", &format!("/emit?step={number}&delay={delay}"))
            .says("");
        wait_for(&cloud, &format!("failed/{number}"), &json!(true));
        wait_until_it_waits(&app, "unsteady");
        wait_for(&cloud, &format!("begun/{number}"), &json!(true));
        cloud.clock().set(step);
        shown = step;
        wait_for(&cloud, &format!("unsteady/{number}"), &json!(1));
        wait_for(&cloud, &format!("long/{number}"), &json!(1));
        if is_ahead {
            wait_for(&cloud, &format!("later/{number}"), &json!(1));
            for (path, (_, seconds)) in schedules.iter().zip(SCHEDULES) {
                wait_until_current(&cloud, path, seconds);
            }
        }
    }

    // What was wanted at a moment of the clock came when it showed that moment, and all came once.
    for number in 0..STEPS.len() {
        for kind in ["later", "unsteady", "long"] {
            wait_for(&cloud, &format!("{kind}/{number}"), &json!(1));
        }
    }
    for (path, (name, seconds)) in schedules.iter().zip(SCHEDULES) {
        cloud
            .owner()
            .patch(path, &json!({ "is_paused": true }))
            .expect(200);
        every_moment_has_its_row(&cloud, path, (name, seconds));
    }
    for state in ["waiting", "running", "dead", "cancelled"] {
        let found = cloud
            .owner()
            .get(&app.path(&format!("/deliveries?state={state}")));
        assert_eq!(found.expect(200).json()["items"], json!([]), "{state}");
    }
}

fn subscribe(app: &App<'_>, name: &str, topic: &str, source: &str) {
    let limits = json!({ "timeout_ms": 60_000 });
    let script = app.script_with(json!({ "name": name, "limits": limits, "source": source }));
    let body = json!({ "name": name, "topic": topic, "script_id": script.id,
        "retry": { "max_age_s": 7 * DAY } });
    let path = app.path("/subscriptions");
    app.cloud.owner().post(&path, &body).expect(201);
}

/// Has a script run each so many seconds; gives the path of the schedule.
fn schedule(app: &App<'_>, name: &str, seconds: i64) -> String {
    let script = app.script(name, TICK);
    let body = json!({ "name": name, "script_id": script.id, "arguments": name,
        "schedule": { "kind": "every", "seconds": seconds }, "policy": { "overlap": "allow" } });
    let path = app.path("/schedules");
    let made = app.cloud.owner().post(&path, &body).expect(201).json();
    format!("{path}/{}", made["id"].as_str().expect("an id"))
}

/// Waits until an event waits for its next run, or has had it.
#[track_caller]
fn wait_until_it_waits(app: &App<'_>, topic: &str) {
    let begun = Instant::now();
    let path = app.path(&format!("/deliveries?topic={topic}&state=running"));
    while app.cloud.owner().get(&path).expect(200).json()["items"] != json!([]) {
        assert!(begun.elapsed() < WAIT_MAX, "`{topic}` runs");
    }
}

/// Waits until the last moment at which a schedule was due has its row.
#[track_caller]
fn wait_until_current(cloud: &TestCloud, schedule: &str, seconds: i64) {
    let now = cloud.get("a.test", "/now").expect(200).json();
    let now = now.as_i64().expect("milliseconds") / 1_000;
    let begun = Instant::now();
    loop {
        let newest = cloud.owner().get(&format!("{schedule}/ledger?limit=1"));
        let newest = newest.expect(200).json()["items"][0]["scheduled_at"].clone();
        if newest
            .as_str()
            .map(second)
            .is_some_and(|newest| newest + seconds > now)
        {
            return;
        }
        assert!(begun.elapsed() < WAIT_MAX, "{schedule}: {newest} at {now}");
    }
}

/// From the first moment to the last one each has a row; each that ran did so once, and of the others somebody was told.
#[track_caller]
fn every_moment_has_its_row(cloud: &TestCloud, schedule: &str, (name, seconds): (&str, i64)) {
    let rows = ledger(cloud, schedule);
    let moments: Vec<i64> = rows.iter().map(|(moment, _)| *moment).collect();
    let (first, last) = (moments[0], moments[moments.len() - 1]);
    let expected: Vec<i64> = (first..=last)
        .step_by(usize::try_from(seconds).expect("an interval"))
        .collect();
    assert_eq!(moments, expected, "{name}");
    assert!(last - first >= 2 * (DAY - HOUR), "{name}: {first} to {last}");

    let missed = rows.iter().filter(|(_, state)| state == "missed").count();
    wait_for(cloud, &format!("missed/{name}"), &json!(missed));

    let ran: BTreeMap<String, Value> = rows
        .iter()
        .filter(|(_, state)| state == "ran" || state == "late")
        .map(|(moment, _)| ((moment * 1_000).to_string(), json!(1)))
        .collect();
    let begun = Instant::now();
    loop {
        let ticks = cloud.get("a.test", &format!("/ticks?schedule={name}"));
        if ticks.expect(200).json() == json!(ran) {
            return;
        }
        assert!(begun.elapsed() < WAIT_MAX, "{name}: not {ran:?}");
    }
}

/// The moments of a schedule in seconds, and what became of them, the first one first.
fn ledger(cloud: &TestCloud, schedule: &str) -> Vec<(i64, String)> {
    let (mut rows, mut next) = (Vec::new(), format!("{schedule}/ledger?limit=200"));
    loop {
        let page = cloud.owner().get(&next).expect(200).json();
        for row in page["items"].as_array().into_iter().flatten() {
            assert_eq!(row["until"], Value::Null, "{row}");
            let moment = row["scheduled_at"].as_str().expect("a moment");
            rows.push((second(moment), row["state"].as_str().expect("a state").to_owned()));
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => next = format!("{schedule}/ledger?limit=200&cursor={cursor}"),
            None => break,
        }
    }
    rows.reverse();
    rows
}

fn second(moment: &str) -> i64 {
    let moment: Timestamp = moment.parse().expect("a moment");
    moment.as_micros() / 1_000_000
}
