//! `examples/deploy.sh`: what a reader runs to deploy an example.

use std::{fs, process::Command};

use serde_json::json;

use crate::harness::{TestCloud, items};

/// Runs it; gives what it printed.
#[track_caller]
fn deploy(cloud: &TestCloud, example: &str) -> String {
    let output = Command::new("bash")
        .arg(super::file("deploy.sh"))
        .arg(super::file(example))
        .arg(format!("http://{}", cloud.address()))
        .arg(cloud.owner().token())
        .output()
        .expect("bash runs");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{example}: {printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    printed
}

#[test]
fn every_example_deploys_twice() {
    let cloud = TestCloud::start();
    let mut deployed = 0;
    for entry in fs::read_dir(super::file("")).expect("the folder can be listed") {
        let folder = entry.expect("the entry can be read").path();
        if !folder.is_dir() {
            continue;
        }
        let name = folder.file_name().expect("a name").to_string_lossy();
        for file in ["README.md", "app.json"] {
            assert!(folder.join(file).is_file(), "{name} has no {file}");
        }
        let first = deploy(&cloud, &name);
        assert!(!first.contains("there already"), "{first}");
        let second = deploy(&cloud, &name);
        assert!(!second.contains("created"), "{second}");
        assert_eq!(first.lines().count(), second.lines().count());

        let app = cloud.existing_app(&name);
        let scripts = cloud
            .owner()
            .get(&format!("/admin/scripts?app={}", app.id))
            .expect(200)
            .json();
        for script in scripts["items"].as_array().expect("a list of scripts") {
            assert_eq!(
                script["version"], 1,
                "{name}: a source that did not change makes no version"
            );
            let check = json!({ "source": script["source"] });
            let remarks = cloud
                .owner()
                .post(&app.path("/scripts:check"), &check)
                .expect(200)
                .json();
            assert_eq!(
                remarks,
                json!({ "diagnostics": [] }),
                "{name}: {}",
                script["name"]
            );
        }
        deployed += 1;
    }
    assert!(deployed >= 6, "only {deployed} examples");
    cloud.get("url-tool.localhost", "/encode/a%20b").says("a%20b");
    cloud.get("status-page.localhost", "/").expect(200);
}

#[test]
fn a_changed_source_becomes_a_version_and_a_wrong_token_is_reported() {
    let cloud = TestCloud::start();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let copy = folder.path().join("app");
    fs::create_dir(&copy).expect("a folder can be made");
    let manifest = r#"{ "slug": "copy", "name": "A \"copy\"", "domains": ["copy.localhost"],
        "scripts": [{ "name": "one", "file": "one.rhai", "description": "" }],
        "routes": [{ "script": "one", "path": "/", "methods": ["GET", "PUT"], "host": "copy.localhost" }] }"#;
    fs::write(copy.join("app.json"), manifest).expect("it can be written");
    fs::write(copy.join("one.rhai"), "\"tab\t\\\\ \\\" é\"\n").expect("it can be written");
    deploy(&cloud, copy.to_str().expect("a path that is text"));
    cloud.get("copy.localhost", "/").says("tab\t\\ \" é");
    fs::write(copy.join("one.rhai"), "request.method\n").expect("it can be written");
    deploy(&cloud, copy.to_str().expect("a path that is text"));
    cloud.get("copy.localhost", "/").says("GET");
    cloud.call("PUT", "copy.localhost", "/").send().says("PUT");

    let output = Command::new("bash")
        .arg(super::file("deploy.sh"))
        .arg(&copy)
        .args([format!("http://{}", cloud.address()).as_str(), "wrong"])
        .output()
        .expect("bash runs");
    assert!(!output.status.success());
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("unauthenticated"),
        "{output:?}"
    );
}

#[test]
fn subscriptions_and_schedules_have_the_scripts_that_they_name() {
    let cloud = TestCloud::start();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let manifest = r#"{ "slug": "told", "name": "Told", "domains": [], "routes": [],
        "scripts": [{ "name": "one", "file": "one.rhai", "description": "" },
                    { "name": "two", "file": "one.rhai", "description": "" }],
        "subscriptions": [
            { "name": "first", "script": "one", "topic": "orders.*",
              "filter": { "data.script": { "in": ["one", "{a}, b:"] } },
              "on_success": { "topic": "done" }, "on_failure": { "script": "two" } },
            { "topic": "x", "name": "second", "script": "two", "batch": { "events_max": 3 } }],
        "schedules": [{ "name": "nightly", "script": "two",
            "arguments": { "script": "one", "list": [1, [], {}, null] },
            "schedule": { "kind": "cron", "pattern": "30 3 * * *", "zone": "Europe/Rome" } }] }"#;
    fs::write(folder.path().join("app.json"), manifest).expect("it can be written");
    fs::write(folder.path().join("one.rhai"), "request.event\n").expect("it can be written");
    let path = folder.path().to_str().expect("a path that is text");
    deploy(&cloud, path);
    let again = deploy(&cloud, path);
    assert!(
        again.contains("schedule nightly: there already") && !again.contains("created"),
        "{again}"
    );

    let list = |path: &str| items(cloud.owner().get(path));
    let scripts = list("/admin/scripts?app=told");
    let id_of = |name: &str| {
        let script = scripts.iter().find(|script| script["name"] == name);
        script.expect("a script")["id"].clone()
    };
    let (one, two) = (id_of("one"), id_of("two"));
    let subscriptions = list("/admin/apps/told/subscriptions");
    let named = |name: &str| {
        let found = subscriptions.iter().find(|found| found["name"] == name);
        found.expect("a subscription")
    };
    assert_eq!(named("first")["script_id"], one);
    assert_eq!(
        named("first")["filter"],
        json!({ "data.script": { "in": ["one", "{a}, b:"] } })
    );
    assert_eq!(named("first")["on_success"]["topic"], "done");
    assert_eq!(named("first")["on_failure"]["script_id"], two);
    assert_eq!(named("second")["script_id"], two);
    assert_eq!(named("second")["batch"]["events_max"], 3);
    let schedules = list("/admin/apps/told/schedules");
    assert_eq!(schedules[0]["script_id"], two);
    assert_eq!(
        schedules[0]["arguments"],
        json!({ "script": "one", "list": [1, [], {}, null] })
    );
    assert_eq!(schedules[0]["schedule"]["zone"], "Europe/Rome");
}
