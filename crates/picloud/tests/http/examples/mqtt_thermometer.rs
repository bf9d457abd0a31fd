//! `examples/mqtt-thermometer`: what thermometers say is kept, and what fans are told follows from it.

use std::time::Instant;

use serde_json::{Value, json};

use crate::harness::{Mosquitto, TestCloud, WAIT_MAX, items};

const HOST: &str = "thermometer.localhost";

/// Waits until a room is as warm as that.
#[track_caller]
fn wait_for(cloud: &TestCloud, room: &str, celsius: f64) {
    let begun = Instant::now();
    loop {
        let rooms = cloud.get(HOST, "/").expect(200).json();
        if rooms[room]["celsius"] == celsius {
            return;
        }
        assert!(begun.elapsed() < WAIT_MAX, "{rooms:#}");
    }
}

#[test]
fn fans_go_on_and_off() {
    let (broker, cloud) = (Mosquitto::start(), TestCloud::start());
    let app = cloud.deploy_example("mqtt-thermometer");
    app.allow(&json!(["127.0.0.1"]));
    let home = json!({ "url": broker.url(), "version": "5", "filters": [{ "filter": "sensors/+/temp" }] });
    cloud.owner().put(&app.path("/brokers/home"), &home).expect(200);
    let begun = Instant::now();
    loop {
        let home: Value = cloud.owner().get(&app.path("/brokers/home")).expect(200).json();
        if home["state"]["status"] == "connected" {
            break;
        }
        assert!(begun.elapsed() < WAIT_MAX, "{home:#}");
    }
    broker.keep_for("fan", "fans/#");
    for celsius in [20.5, 27.5, 28.5] {
        broker.publish("sensors/kitchen/temp", &celsius.to_string(), &["-q", "1"]);
        wait_for(&cloud, "kitchen", celsius);
    }
    let told = broker.kept_for("fan", "fans/#", 2);
    assert_eq!(told, ["fans/kitchen/set OFF 1 0", "fans/kitchen/set ON 1 0"]);
    broker.publish("sensors/kitchen/temp", "broken", &["-q", "1"]);
    let path = app.path("/deliveries?state=dead");
    let begun = Instant::now();
    while items(cloud.owner().get(&path)).is_empty() {
        assert!(begun.elapsed() < WAIT_MAX, "it is not dead");
    }
}
