//! `examples/json-transform`: readings in, a summary out.

use serde_json::{Value, json};

use crate::harness::{Answer, TestCloud};

#[track_caller]
fn send(cloud: &TestCloud, body: impl Into<Vec<u8>>) -> Answer {
    cloud
        .call("POST", "json-transform.localhost", "/readings/attic%2Fnorth")
        .header("content-type", "application/json")
        .body(body)
        .send()
}

#[test]
fn readings_of_any_unit_are_summed_up() {
    let cloud = TestCloud::start();
    cloud.deploy_example("json-transform");
    let readings = json!([
        { "at": "2026-11-21T09:12:04+01:00", "value": 20 },
        { "at": "2026-11-21T08:00:00Z", "value": 68.9, "unit": "F" },
        { "at": "2026-11-21T08:30:00Z", "value": 291.65, "unit": "K", "sensor": "b" },
    ]);
    let answer = send(&cloud, readings.to_string()).expect(200);
    assert_eq!(
        answer.json(),
        json!({
            "device": "attic/north",
            "count": 3,
            "unit": "C",
            "min": 18.5,
            "max": 20.5,
            "mean": 19.67,
            "first_at": "2026-11-21T08:00:00.000Z",
            "last_at": "2026-11-21T08:30:00.000Z",
        })
    );
}

#[test]
fn each_bad_reading_is_named() {
    let cloud = TestCloud::start();
    cloud.deploy_example("json-transform");
    let readings = json!([
        { "at": "2026-11-21T08:00:00Z", "value": 20.5 },
        { "at": "yesterday", "value": 20.5 },
        { "at": "2026-11-21T08:00:00Z", "value": "warm" },
        { "at": "2026-11-21T08:00:00Z", "value": 1, "unit": "R" },
        7,
    ]);
    let answer = send(&cloud, readings.to_string()).expect(422).json();
    let errors = answer["errors"].as_array().expect("a list of errors");
    let places: Vec<_> = errors
        .iter()
        .map(|error| (error["index"].clone(), error["field"].clone()))
        .collect();
    let expected = [(1, "at"), (2, "value"), (3, "value"), (4, "value"), (4, "at")];
    assert_eq!(
        places,
        expected.map(|(index, field)| (Value::from(index), Value::from(field)))
    );
}

#[test]
fn what_is_no_list_is_refused() {
    let cloud = TestCloud::start();
    cloud.deploy_example("json-transform");
    for body in ["{}", "[]", "\"text\"", "null"] {
        let answer = send(&cloud, body).expect(422).json();
        assert_eq!(
            answer["error"], "send an array of readings, each {at, value, unit}",
            "{body}"
        );
    }
    for body in ["", "[1,", "\u{feff}[]"] {
        let answer = send(&cloud, body).expect(400).json();
        assert!(
            answer["error"].as_str().is_some_and(|text| text.contains("body")),
            "{body}: {answer}"
        );
    }
}
