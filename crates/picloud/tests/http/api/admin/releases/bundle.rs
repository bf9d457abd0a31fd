//! `POST /api/v1/admin/apps/{app}/releases`: a whole app at once.

use serde_json::{Value, json};

use crate::harness::{Answer, App, TestCloud, items};

fn try_deploy(app: &App<'_>, bundle: &Value) -> Answer {
    app.cloud.owner().post(&app.path("/releases"), bundle)
}

fn count(app: &App<'_>) -> usize {
    items(app.cloud.owner().get(&app.path("/releases"))).len()
}

/// One script that answers `/`.
fn small(source: &str) -> Value {
    json!({
        "scripts": [{ "name": "s", "source": source }],
        "routes": [{ "script": "s", "path": "/", "methods": ["GET"] }],
    })
}

#[test]
fn it_is_the_whole_app() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/old", "\"old\"");
    let bundle = json!({
        "note": "First",
        "scripts": [
            { "name": "hello", "source": "\"Hello\"", "description": "Greets", "limits": { "timeout_ms": 77 } },
            { "name": "bye", "source": "\"Bye\"" },
        ],
        "routes": [
            { "script": "hello", "path": "/", "methods": ["get"] },
            { "script": "bye", "path": "/", "methods": ["DELETE"] },
            { "script": "bye", "host": "b.test", "path": "/bye/{x}", "methods": ["*"] },
        ],
        "domains": ["a.test", "B.test"],
    });
    let answer = try_deploy(&app, &bundle).expect(201);
    assert!(
        answer
            .header("location")
            .is_some_and(|to| to.ends_with("/releases/4"))
    );
    let deployed = answer.json();
    assert_eq!(
        deployed["changes"]["summary"],
        "2 scripts added, 1 removed, 3 routes added, 1 removed, 1 domain added"
    );
    assert_eq!(deployed["release"]["note"], "First");
    cloud.get("a.test", "/").says("Hello");
    cloud.call("DELETE", "b.test", "/").send().says("Bye");
    cloud.get("b.test", "/bye/1").says("Bye");
    cloud.get("a.test", "/bye/1").problem(404, "no_route");
    cloud.get("a.test", "/old").problem(404, "no_route");
    let scripts = items(cloud.owner().get(&format!("/admin/scripts?app={}", app.slug)));
    let hello = scripts
        .iter()
        .find(|script| script["name"] == "hello")
        .expect("hello");
    assert_eq!(
        (&hello["version"], &hello["limits"]["timeout_ms"]),
        (&json!(1), &json!(77))
    );

    // The same again is nothing new.
    let again = try_deploy(&app, &bundle).expect(200).json();
    assert_eq!(again["changes"]["summary"], "");
    assert_eq!(again["release"]["number"], 4);
    assert_eq!(count(&app), 4);
    // What it does not say is empty, the default, or for `domains` as it is.
    let mut less = bundle.clone();
    less["scripts"][0] = json!({ "name": "hello", "source": "\"Hello\"" });
    less["domains"] = Value::Null;
    let deployed = try_deploy(&app, &less).expect(201).json();
    assert_eq!(deployed["changes"]["summary"], "1 script changed");
    let changed = &deployed["changes"]["scripts"][0];
    assert_eq!(changed["fields"], json!(["description", "limits"]));
    assert_eq!(
        changed["after"]["version"], 1,
        "the same source is no new version"
    );
    assert_eq!(changed["id"], hello["id"]);
}

#[test]
fn it_can_be_tried_first() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let mut bundle = small("\"one\"");
    bundle["dry_run"] = json!(true);
    let tried = try_deploy(&app, &bundle).expect(200).json();
    assert_eq!(tried["changes"]["summary"], "1 script added, 1 route added");
    assert_eq!(tried["changes"]["scripts"][0]["id"], Value::Null);
    assert_eq!(tried["changes"]["routes"][0]["after"]["script"], "s");
    assert_eq!(count(&app), 1);
    cloud.get("a.test", "/").problem(404, "no_route");
}

#[test]
fn of_a_bundle_with_a_broken_script_nothing_is_taken() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    try_deploy(&app, &small("\"one\"")).expect(201);
    let broken = json!({
        "scripts": [
            { "name": "s", "source": "\"two\"" },
            { "name": "t", "source": "let x = 1;\nlet y = ;" },
            { "name": "u", "source": "if" },
        ],
        "routes": [{ "script": "s", "path": "/", "methods": ["GET"] }],
    });
    let problem = try_deploy(&app, &broken).problem(422, "script_invalid");
    assert_eq!((&problem["script"], &problem["line"]), (&json!("t"), &json!(2)));
    assert!(
        problem["column"].is_u64() && problem["message"].is_string(),
        "{problem}"
    );
    let scripts: Vec<&Value> = problem["errors"]
        .as_array()
        .expect("all errors")
        .iter()
        .map(|error| &error["script"])
        .collect();
    assert_eq!(scripts, ["t", "u"]);
    cloud.get("a.test", "/").says("one");
    assert_eq!(count(&app), 2);
}

#[test]
fn nobodys_change_is_lost() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let expecting = |source: &str, release: u32| {
        let mut bundle = small(source);
        bundle["expected_release"] = release.into();
        try_deploy(&app, &bundle)
    };
    expecting("1", 0).expect(201);
    expecting("2", 1).expect(201);
    let problem = expecting("3", 1).problem(412, "version_mismatch");
    assert_eq!(problem["live"], 2);
    assert_eq!(count(&app), 2);
}

#[test]
fn domains_are_claimed_or_nothing_happens() {
    let cloud = TestCloud::start();
    cloud.app_with_domain("b");
    let app = cloud.app("a");
    let with_domains = |domains: Value| {
        let mut bundle = small("1");
        bundle["domains"] = domains;
        try_deploy(&app, &bundle)
    };
    let problem = with_domains(json!(["a.test", "b.test"])).problem(409, "release_conflict");
    assert_eq!(
        problem["conflicts"],
        json!([{ "kind": "domain_taken", "domain": "b.test" }])
    );
    with_domains(json!(["not a domain"])).problem(422, "invalid_domain");
    with_domains(json!(["*.com"])).problem(422, "domain_not_allowed");
    with_domains(json!(["*.x.test", "{y}.x.test"])).problem(422, "validation_failed");
    assert_eq!(count(&app), 0);
    cloud.get("a.test", "/").problem(404, "unknown_host");
    with_domains(json!(["a.test"])).expect(201);
    with_domains(json!([])).expect(201);
    cloud.get("a.test", "/").problem(404, "unknown_host");
}

#[test]
fn what_contradicts_itself_is_refused() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let check = |change: Value, field: &str| {
        let mut bundle = small("1");
        for (name, value) in change.as_object().expect("fields") {
            bundle[name] = value.clone();
        }
        let problem = try_deploy(&app, &bundle).problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    };
    let script = |name: &str| json!({ "name": name, "source": "1" });
    let route = |script: &str, path: &str| json!({ "script": script, "path": path, "methods": ["GET"] });
    check(
        json!({ "scripts": [script("s"), script("s")] }),
        "scripts[1].name",
    );
    check(
        json!({ "scripts": [script("s"), script("a b")] }),
        "scripts[1].name",
    );
    check(
        json!({ "scripts": [{ "name": "s", "source": "1", "limits": { "timeout_ms": 0 } }] }),
        "scripts[0].limits.timeout_ms",
    );
    check(json!({ "routes": [route("t", "/")] }), "routes[0].script");
    check(
        json!({ "routes": [route("s", "/{a}"), route("s", "/{b}")] }),
        "routes[1]",
    );
    check(json!({ "routes": [route("s", "x")] }), "routes[0].path");
    check(
        json!({ "routes": [{ "script": "s", "path": "/", "methods": ["GIT"] }] }),
        "routes[0].methods",
    );
    check(json!({ "note": "x".repeat(501) }), "note");
    check(json!({ "unknown": 1 }), "unknown");
    check(
        json!({ "scripts": [{ "name": "s", "sauce": "1" }] }),
        "scripts[0].sauce",
    );
    check(json!({ "expected_release": -1 }), "expected_release");
    try_deploy(&app, &json!({ "scripts": [] })).problem(422, "validation_failed");

    let routed = |host: &str, path: &str| {
        let mut bundle = small("1");
        bundle["routes"][0]["path"] = path.into();
        bundle["routes"][0]["host"] = host.into();
        try_deploy(&app, &bundle)
    };
    let problem = routed("b.test", "/").problem(422, "host_not_claimed");
    assert_eq!(problem["hosts"], json!(["b.test"]));
    routed("a.test", "/api/x").problem(422, "reserved_path");
    assert_eq!(count(&app), 1);
}

#[test]
fn it_is_bounded() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let scripts: Vec<Value> = (0..201)
        .map(|number| json!({ "name": format!("s{number}"), "source": "1" }))
        .collect();
    let too_many = json!({ "scripts": scripts, "routes": [] });
    let problem = try_deploy(&app, &too_many).problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["field"], "scripts");
    let source = format!("\"{}\"", "x".repeat(250_000));
    let scripts: Vec<Value> = (0..9)
        .map(|number| json!({ "name": format!("s{number}"), "source": source }))
        .collect();
    let too_large = json!({ "scripts": scripts, "routes": [] });
    try_deploy(&app, &too_large).problem(422, "validation_failed");
    assert_eq!(count(&app), 0);
}

#[test]
fn the_same_name_deployed_by_two_at_once_is_one_script() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let app = &app;
            scope.spawn(move || {
                for number in 0..5 {
                    let source = format!("{writer}{number}");
                    let answer = try_deploy(app, &small(&source));
                    assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
                }
            });
        }
    });
    let scripts = items(cloud.owner().get(&format!("/admin/scripts?app={}", app.slug)));
    assert_eq!((scripts.len(), &scripts[0]["version"]), (1, &json!(20)));
    assert_eq!(count(&app), 20);
}
