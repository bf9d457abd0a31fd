//! MQTT, with a real broker: what comes in, what goes out, and that nothing is lost in between.

use std::time::Instant;

use serde_json::{Value, json};

use super::{app, kept, wait_for};
use crate::harness::{Answer, App, BROKER_USER, Mosquitto, TestCloud, WAIT_MAX, certify};

const BOTH: [&str; 2] = ["3.1.1", "5"];

fn try_put(app: &App<'_>, name: &str, broker: &Value) -> Answer {
    app.cloud
        .owner()
        .put(&app.path(&format!("/brokers/{name}")), broker)
}

#[track_caller]
fn get(app: &App<'_>, name: &str) -> Value {
    let path = app.path(&format!("/brokers/{name}"));
    app.cloud.owner().get(&path).expect(200).json()
}

/// Waits until the broker is like that; gives it.
#[track_caller]
fn wait_until(app: &App<'_>, name: &str, is: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let broker = get(app, name);
        if is(&broker) {
            return broker;
        }
        assert!(begun.elapsed() < WAIT_MAX, "{broker:#}");
    }
}

/// Waits until there is a connection.
#[track_caller]
fn connected(app: &App<'_>, name: &str) -> Value {
    wait_until(app, name, |broker| broker["state"]["status"] == "connected")
}

/// Waits until the connection has failed with something like that.
#[track_caller]
fn fails_with(app: &App<'_>, name: &str, words: &str) {
    wait_until(app, name, |broker| {
        let error = broker["state"]["error"].as_str();
        error.is_some_and(|error| error.contains(words))
    });
}

fn settings(broker: &Mosquitto, version: &str, filters: &[&str]) -> Value {
    let filters: Vec<_> = filters.iter().map(|filter| json!({ "filter": filter })).collect();
    json!({ "url": broker.url(), "version": version, "filters": filters })
}

/// Sets the broker `home`, and waits for its connection.
#[track_caller]
fn connect(app: &App<'_>, settings: &Value) {
    try_put(app, "home", settings).expect(200);
    connected(app, "home");
}

/// Has a script of this source run for messages on topics like that.
fn subscribe(app: &App<'_>, name: &str, topic: &str, source: &str) {
    let script = app.script(name, source);
    let subscription = json!({ "name": name, "script_id": script.id, "topic": topic });
    let path = app.path("/subscriptions");
    app.cloud.owner().post(&path, &subscription).expect(201);
}

/// An app that may connect to this machine.
fn open_app(cloud: &TestCloud) -> App<'_> {
    let app = app(cloud);
    app.allow(&json!(["127.0.0.1"]));
    app
}

#[test]
fn messages_become_events() {
    let (broker, cloud) = (Mosquitto::start(), TestCloud::start());
    let app = open_app(&cloud);
    subscribe(
        &app,
        "note",
        "mqtt:home/sensors/*",
        "let event = request.event;
         kv::set(event.subject, #{
             topic: event.topic, data: event.data, source: event.source, key: event.key,
             content_type: event.content_type, extensions: event.extensions,
         });",
    );
    for version in BOTH {
        connect(&app, &settings(&broker, version, &["sensors/+/temp", "other/#"]));
        let at = |room: &str| format!("sensors/{room}-{version}/temp");
        let noted = |data: Value, room: &str, content_type: &str, qos: &str| {
            json!({
                "topic": format!("mqtt:home/{}", at(room)), "data": data, "source": "/brokers/home",
                "key": at(room), "content_type": content_type,
                "extensions": { "qos": qos, "retain": "false" },
            })
        };
        broker.publish(&at("kitchen"), "21.5", &["-q", "1"]);
        broker.publish(&at("hall"), "{\"value\": 7}", &["-q", "0"]);
        broker.publish(&at("cellar"), "cold", &["-q", "2"]);
        wait_for(
            &cloud,
            &at("kitchen"),
            &noted(json!(21.5), "kitchen", "application/json", "1"),
        );
        wait_for(
            &cloud,
            &at("hall"),
            &noted(json!({ "value": 7 }), "hall", "application/json", "0"),
        );
        wait_for(
            &cloud,
            &at("cellar"),
            &noted(json!("cold"), "cellar", "text/plain", "1"),
        );
    }
}

#[test]
fn what_a_broker_has_retained_comes_once() {
    let (broker, cloud) = (Mosquitto::start(), TestCloud::start());
    let app = open_app(&cloud);
    subscribe(
        &app,
        "note",
        "mqtt:home/*",
        "kv::incr(request.event.subject + \"-\" + request.event.extensions.retain);",
    );
    broker.publish("lamp", "on", &["-r", "-q", "1"]);
    connect(&app, &settings(&broker, "5", &["lamp"]));
    wait_for(&cloud, "lamp-true", &json!(1));
    // The broker knows the session: it does not tell the same again.
    for _ in 0..2 {
        cloud.start_again();
        connected(&app, "home");
    }
    broker.publish("lamp", "off", &["-q", "1"]);
    wait_for(&cloud, "lamp-false", &json!(1));
    assert_eq!(kept(&cloud, "lamp-true"), json!(1));
    // What is wanted besides is asked for, and what was there is not asked for again.
    broker.publish("door", "open", &["-r", "-q", "1"]);
    connect(&app, &settings(&broker, "5", &["lamp", "door"]));
    wait_for(&cloud, "door-true", &json!(1));
    assert_eq!(kept(&cloud, "lamp-true"), json!(1));
}

#[test]
fn scripts_publish_with_their_commit() {
    let (broker, cloud) = (Mosquitto::start(), TestCloud::start());
    let app = open_app(&cloud);
    app.serve(
        "/publish",
        "mqtt::publish(\"home\", \"lamp/set\", \"ON\");
         mqtt::publish(\"home\", \"lamp/level\", #{to: 80}, #{qos: 0});
         mqtt::publish(\"home\", \"kept/state\", \"on\", #{retain: true});
         kv::set(\"a\", 1); 1",
    );
    app.serve(
        "/throw",
        "mqtt::publish(\"home\", \"lamp/set\", \"NO\"); throw \"no\"",
    );
    app.serve(
        "/unknown",
        "kv::set(\"b\", 1); mqtt::publish(\"away\", \"lamp/set\", \"NO\"); 1",
    );
    broker.keep_for("watcher", "lamp/#");
    for version in BOTH {
        connect(&app, &settings(&broker, version, &[]));
        cloud.get("a.test", "/throw").problem(500, "script_error");
        cloud.get("a.test", "/unknown").problem(500, "script_error");
        cloud.get("a.test", "/publish").expect(200);
        let mut messages = broker.kept_for("watcher", "lamp/#", 2);
        // The quality of what is kept is that of the message.
        messages.sort();
        assert_eq!(messages, ["lamp/level {\"to\":80} 0 0", "lamp/set ON 1 0"]);
        wait_until(&app, "home", |broker| broker["waiting"] == 0);
    }
    assert_eq!(broker.kept_for("later", "kept/#", 1), ["kept/state on 1 1"]);
    assert_eq!((kept(&cloud, "a"), kept(&cloud, "b")), (json!(1), Value::Null));
    let errors = app.executions("?status=error", 4);
    let errors = serde_json::to_string(&errors).expect("it is JSON");
    assert!(errors.contains("the app has no broker of that name"), "{errors}");
}

#[test]
fn a_wrong_password_is_told_and_shown_to_nobody() {
    let broker = Mosquitto::with_password();
    let cloud = TestCloud::with().flag("--log", "trace").start();
    let app = open_app(&cloud);
    let (username, password) = BROKER_USER;
    for version in BOTH {
        let mut settings = settings(&broker, version, &["#"]);
        (settings["username"], settings["password"]) = (json!(username), json!("a wrong canary"));
        try_put(&app, "home", &settings).expect(200);
        fails_with(&app, "home", "user name");
        settings["password"] = json!(password);
        connect(&app, &settings);
        // The one that is set stays where it goes.
        settings["password"] = Value::Null;
        connect(&app, &settings);
        cloud.owner().delete(&app.path("/brokers/home")).expect(204);
    }
    let mut settings = settings(&broker, "5", &[]);
    (settings["username"], settings["password"]) = (json!(username), json!(password));
    try_put(&app, "home", &settings).expect(200);
    settings["password"] = Value::Null;
    for (field, value) in [("username", "eve"), ("url", "mqtt://eve.example.com")] {
        let mut elsewhere = settings.clone();
        elsewhere[field] = json!(value);
        let refused = try_put(&app, "home", &elsewhere);
        let errors = refused.problem(422, "validation_failed")["errors"].to_string();
        assert!(errors.contains("\"password\""), "{errors}");
    }
    let log = std::fs::read_to_string(cloud.log_file()).expect("a log");
    let kept = String::from_utf8_lossy(&cloud.dump()).into_owned();
    let shown = cloud.owner().get(&app.path("/brokers")).expect(200).text();
    for text in [&log, &kept, &shown] {
        assert!(!text.contains("canary"));
    }
}

#[test]
fn a_broker_is_spoken_to_in_secret() {
    let (broker, other) = (
        Mosquitto::with_authority(),
        tempfile::tempdir().expect("a folder"),
    );
    let cloud = TestCloud::start();
    let app = open_app(&cloud);
    app.serve("/publish", "mqtt::publish(\"home\", \"out\", \"ON\"); 1");
    subscribe(
        &app,
        "note",
        "mqtt:home/in",
        "kv::set(\"in\", request.event.data);",
    );
    let settings = settings(&broker, "5", &["in"]);
    let with = |authority: &str| {
        let mut settings = settings.clone();
        settings["ca"] = json!(authority);
        settings
    };
    // Browsers do not know who has signed its certificate, nor does whoever trusts somebody else.
    try_put(&app, "home", &settings).expect(200);
    fails_with(&app, "home", "no secure connection");
    try_put(&app, "home", &with(&certify(other.path()))).expect(200);
    fails_with(&app, "home", "no secure connection");
    // As some programs write a file.
    connect(&app, &with(&format!("\u{feff}{}", broker.authority())));
    assert_eq!(get(&app, "home")["ca"], json!(broker.authority()));
    broker.keep_for("watcher", "out");
    cloud.get("a.test", "/publish").expect(200);
    assert_eq!(broker.kept_for("watcher", "out", 1), ["out ON 1 0"]);
    broker.publish("in", "1", &["-q", "1"]);
    wait_for(&cloud, "in", &json!(1));

    let mut open = with(broker.authority());
    open["url"] = json!("mqtt://127.0.0.1");
    for (settings, field) in [(with("a broker"), "ca"), (open, "url")] {
        let refused = try_put(&app, "home", &settings);
        let errors = refused.problem(422, "validation_failed")["errors"].clone();
        assert_eq!(errors[0]["field"], json!(field), "{errors}");
    }
}

#[test]
fn nothing_is_lost_while_the_broker_is_away() {
    let (broker, cloud) = (Mosquitto::start(), TestCloud::start());
    let app = open_app(&cloud);
    app.serve("/publish", "mqtt::publish(\"home\", \"out\", request.query.n); 1");
    subscribe(&app, "note", "mqtt:home/in", "kv::incr(\"in\");");
    broker.keep_for("watcher", "out");
    connect(&app, &settings(&broker, "3.1.1", &["in"]));
    broker.stop();
    wait_until(&app, "home", |broker| broker["state"]["status"] == "connecting");
    for n in 1..=3 {
        cloud.get("a.test", &format!("/publish?n={n}")).expect(200);
    }
    assert_eq!(get(&app, "home")["waiting"], 3);
    broker.start_again();
    let messages = broker.kept_for("watcher", "out", 3);
    assert_eq!(messages, ["out 1 1 0", "out 2 1 0", "out 3 1 0"]);
    connected(&app, "home");
    broker.publish("in", "1", &["-q", "1"]);
    wait_for(&cloud, "in", &json!(1));
}

#[test]
fn nothing_is_lost_while_the_server_is_away() {
    let (broker, cloud) = (Mosquitto::start(), TestCloud::start());
    let app = open_app(&cloud);
    subscribe(&app, "note", "mqtt:home/in/*", "kv::incr(request.event.subject);");
    for version in BOTH {
        connect(&app, &settings(&broker, version, &["in/+"]));
        cloud.kill9();
        let topics = ["a", "b"].map(|name| format!("in/{name}-{version}"));
        for topic in &topics {
            broker.publish(topic, "1", &["-q", "1"]);
        }
        cloud.start_again();
        for topic in &topics {
            wait_for(&cloud, topic, &json!(1));
        }
    }
}

#[test]
fn a_pause_is_one_and_an_end_is_one() {
    let (broker, cloud) = (Mosquitto::start(), TestCloud::start());
    let app = open_app(&cloud);
    subscribe(&app, "note", "mqtt:home/in", "kv::incr(\"in\");");
    let mut settings = settings(&broker, "5", &["in"]);
    settings["client_id"] = json!("picloud-a");
    connect(&app, &settings);
    settings["is_paused"] = json!(true);
    let paused = try_put(&app, "home", &settings).expect(200).json();
    assert_eq!(paused["state"]["status"], "paused");
    broker.logs("Received DISCONNECT from picloud-a");
    broker.publish("in", "1", &["-q", "1"]);
    // Nobody is there to hear it.
    assert_eq!(kept(&cloud, "in"), Value::Null);
    settings["is_paused"] = json!(false);
    connect(&app, &settings);
    wait_for(&cloud, "in", &json!(1));

    cloud.owner().delete(&app.path("/brokers/home")).expect(204);
    broker.logs("Received UNSUBSCRIBE from picloud-a");
    let gone = cloud.owner().get(&app.path("/brokers/home"));
    gone.problem(404, "not_found");
    broker.publish("in", "2", &["-q", "1"]);
    connect(&app, &settings);
    broker.publish("in", "3", &["-q", "1"]);
    wait_for(&cloud, "in", &json!(2));
}

#[test]
fn what_nobody_wants_is_taken_and_not_kept() {
    let (broker, cloud) = (Mosquitto::start(), TestCloud::start());
    let app = open_app(&cloud);
    let mut settings = settings(&broker, "3.1.1", &["#"]);
    settings["client_id"] = json!("picloud-b");
    connect(&app, &settings);
    broker.publish("unwanted", "1", &["-q", "1"]);
    broker.logs("Received PUBACK from picloud-b");
    let deliveries = cloud.owner().get(&app.path("/deliveries")).expect(200).json();
    assert_eq!(deliveries["items"], json!([]));
    // One that is too large is taken too, and said.
    broker.publish_large("large", 400_000);
    wait_until(&app, "home", |broker| broker["state"]["refused"] == 1);
    connected(&app, "home");
}

#[test]
fn a_broker_in_the_network_of_the_server_has_to_be_allowed() {
    let (broker, cloud) = (Mosquitto::start(), TestCloud::start());
    let app = app(&cloud);
    try_put(&app, "home", &settings(&broker, "5", &[])).expect(200);
    fails_with(&app, "home", "the app's list does not allow it");
    app.allow(&json!(["127.0.0.1"]));
    connected(&app, "home");
    app.allow(&json!(["192.0.2.1"]));
    fails_with(&app, "home", "the app's list does not allow it");
    let own = json!({ "url": format!("mqtt://127.0.0.1:{}", cloud.address().port()) });
    app.allow(&json!(["127.0.0.1"]));
    try_put(&app, "own", &own).expect(200);
    fails_with(&app, "own", "this server itself");
}

#[test]
fn topics_of_brokers_are_left_to_brokers() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    app.serve(
        "/emit",
        "try { event::emit(\"mqtt:home/a\", 1); return \"emitted\" } catch (error) { return `${error}` }",
    );
    let text = cloud.get("a.test", "/emit").expect(200).text();
    assert!(text.contains("PiCloud's own"), "{text}");
    let event = json!({ "specversion": "1.0", "id": "1", "source": "/a", "type": "mqtt:home/a" });
    let call = cloud
        .owner()
        .call("POST", &format!("/api/v1/apps/{}/events", app.slug));
    let call = call.header("content-type", "application/cloudevents+json");
    call.body(event.to_string())
        .send()
        .problem(422, "validation_failed");
}

#[test]
fn what_is_wrong_is_told_field_by_field() {
    let cloud = TestCloud::start();
    let app = app(&cloud);
    let good = json!({ "url": "mqtt://broker.example.com", "is_paused": true });
    for (name, field, value, at) in [
        ("Home", "url", good["url"].clone(), "name"),
        ("home", "url", json!("http://broker.example.com"), "url"),
        ("home", "url", json!("mqtt://ada:pw@broker.example.com"), "url"),
        ("home", "version", json!("4"), "version"),
        ("home", "client_id", json!(""), "client_id"),
        ("home", "client_id", json!("x".repeat(65)), "client_id"),
        ("home", "username", json!("a\nb"), "username"),
        ("home", "password", json!("x"), "username"),
        ("home", "keep_alive_s", json!(4), "keep_alive_s"),
        (
            "home",
            "filters",
            json!([{ "filter": "a#" }]),
            "filters[0].filter",
        ),
        (
            "home",
            "filters",
            json!([{ "filter": "a", "qos": 2 }]),
            "filters[0].qos",
        ),
        (
            "home",
            "filters",
            json!(vec![json!({ "filter": "a" }); 33]),
            "filters",
        ),
    ] {
        let mut settings = good.clone();
        settings[field] = value.clone();
        let answer = try_put(&app, name, &settings);
        let errors = answer.problem(422, "validation_failed")["errors"].clone();
        let errors = errors.as_array().expect("a list").clone();
        let fields: Vec<_> = errors.iter().map(|error| error["field"].clone()).collect();
        assert_eq!(fields, [json!(at)], "{field}: {value}");
    }
    for name in ["a", "b", "c", "d"] {
        let set = try_put(&app, name, &good).expect(200).json();
        assert_eq!(
            (&set["url"], &set["version"], &set["state"]["status"]),
            (
                &json!("mqtt://broker.example.com:1883"),
                &json!("3.1.1"),
                &json!("paused")
            )
        );
    }
    try_put(&app, "e", &good).problem(409, "limit_reached");
    try_put(&app, "d", &good).expect(200);
    let all = cloud.owner().get(&app.path("/brokers")).expect(200).json();
    let names: Vec<_> = all["items"].as_array().expect("a list").iter().collect();
    assert_eq!(names.len(), 4);
}
