//! Secrets of an app, through the whole program.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::harness::{App, TestCloud, items};

const CANARY: &str = "canary/7Qd \"x\"";

fn set(app: &App<'_>, name: &str, value: &str) {
    let path = app.path(&format!("/secrets/{name}"));
    app.cloud
        .owner()
        .put(&path, &json!({ "value": value }))
        .expect(204);
}

#[test]
fn the_next_call_has_what_was_set() {
    let cloud = TestCloud::start();
    let (one, two) = (cloud.app_with_domain("one"), cloud.app_with_domain("two"));
    for app in [&one, &two] {
        app.serve(
            "/",
            "if secret::has(\"KEY\") { secret::get(\"KEY\") } else { \"none\" }",
        );
    }
    cloud.get("one.test", "/").says("none");
    for value in ["first", "second", "third"] {
        set(&one, "KEY", value);
        cloud.get("one.test", "/").says(value);
        cloud.get("one.test", "/").says(value);
    }
    cloud.get("two.test", "/").says("none");
    cloud.start_again();
    cloud.get("one.test", "/").says("third");
    cloud.owner().delete(&one.path("/secrets/KEY")).expect(204);
    cloud.get("one.test", "/").says("none");
    cloud
        .owner()
        .delete(&one.path("/secrets/KEY"))
        .problem(404, "not_found");
}

#[test]
fn restoring_a_release_and_deploying_leave_secrets_as_they_are() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    set(&app, "KEY", "before");
    app.serve("/", "secret::get(\"KEY\")");
    let releases = items(cloud.owner().get(&app.path("/releases")));
    set(&app, "KEY", "after");
    assert_eq!(items(cloud.owner().get(&app.path("/releases"))), releases);
    let restore = app.path(&format!("/releases/{}:restore", releases[0]["number"]));
    cloud.owner().post(&restore, &json!({})).expect(201);
    cloud.get("a.test", "/").says("after");
    let bundle = json!({ "scripts": [{ "name": "n", "source": "secret::get(\"KEY\")" }],
        "routes": [{ "script": "n", "path": "/", "methods": ["GET"] }] });
    cloud.owner().post(&app.path("/releases"), &bundle).expect(201);
    cloud.get("a.test", "/").says("after");
}

#[test]
fn names_and_when_they_were_set_are_all_that_is_shown() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    set(&app, "b", CANARY);
    set(&app, "A", CANARY);
    let listed = cloud.owner().get(&app.path("/secrets"));
    assert!(!listed.text().contains("canary"));
    let listed = items(listed);
    let shown: Vec<_> = listed
        .iter()
        .map(|secret| (&secret["name"], &secret["updated_by"]))
        .collect();
    assert_eq!(
        shown,
        [(&json!("A"), &json!("ada")), (&json!("b"), &json!("ada"))]
    );
    let fields = listed[0].as_object().expect("an object").keys();
    assert_eq!(fields.collect::<Vec<_>>(), ["name", "updated_at", "updated_by"]);
    cloud
        .owner()
        .get(&app.path("/secrets/A"))
        .problem(405, "method_not_allowed");
}

#[test]
fn editors_see_names_and_app_admins_set_values() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    set(&app, "KEY", CANARY);
    for (role, lists, sets) in [
        ("viewer", 403, 403),
        ("editor", 200, 403),
        ("app_admin", 200, 204),
    ] {
        let person = cloud.person(role, "member");
        let secrets = app.path("/secrets");
        person.client.get(&secrets).expect(404);
        app.admit(&person.id, role);
        person.client.get(&secrets).expect(lists);
        let one = app.path("/secrets/KEY");
        person.client.put(&one, &json!({ "value": "new" })).expect(sets);
    }
}

#[test]
fn what_is_no_name_or_no_value_is_refused() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let long = "x".repeat(65);
    for name in ["2A", "a-b", "a%20b", "%C3%A4", &long] {
        let path = app.path(&format!("/secrets/{name}"));
        let problem = cloud.owner().put(&path, &json!({ "value": "x" }));
        let problem = problem.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], "name", "{name}");
        cloud.owner().delete(&path).problem(404, "not_found");
    }
    let path = app.path("/secrets/KEY");
    for value in [
        json!(""),
        json!("x".repeat(32_769)),
        json!(null),
        json!(1),
        json!({ "a": CANARY }),
    ] {
        let problem = cloud.owner().put(&path, &json!({ "value": value }));
        assert_eq!(
            problem.problem(422, "validation_failed")["errors"][0]["field"],
            "value"
        );
    }
    cloud
        .owner()
        .put(&path, &json!({ "value": "x".repeat(32_768) }))
        .expect(204);
    for number in 1..100 {
        set(&app, &format!("K{number}"), "x");
    }
    let more = cloud
        .owner()
        .put(&app.path("/secrets/MORE"), &json!({ "value": "x" }));
    more.problem(409, "limit_reached");
    set(&app, "K1", "still replaced");
}

/// Scripts that tell their secret in as many ways as an author may by mistake.
const TELLTALES: [(&str, &str); 7] = [
    (
        "/logs",
        "log::info(it); log::warn(#{it: it}); print(url::encode(it)); \"fine\"",
    ),
    (
        "/encoded",
        "log::info(\"Basic \" + base64::encode(\"me:\" + it)); log::info(hex::encode(it.to_blob())); 1",
    ),
    ("/throws", "throw #{message: `no ${it}`, it: it}"),
    ("/nested", "fn f(x) { throw \"in f: \" + x } [it].map(|x| f(x))"),
    (
        "/answers",
        "throw #{status: 401, message: \"not you\", headers: #{}}",
    ),
    ("/stops", "log::info(it); loop {}"),
    (
        "/keeps/{key}",
        "log::info(request.params.key); request.params.key == it",
    ),
];

#[test]
fn a_secret_is_in_nothing_that_is_kept_or_shown() {
    let cloud = TestCloud::with().flag("--log", "trace").start();
    let app = cloud.app_with_domain("a");
    set(&app, "BIRD", CANARY);
    for (number, (path, source)) in TELLTALES.iter().enumerate() {
        let source = format!("let it = secret::get(\"BIRD\"); {source}");
        let fields = json!({ "name": format!("t{number}"), "source": source, "limits": { "operations_max": 100_000 } });
        app.script_with(fields).route(path, &["*"]);
        let run = json!({ "source": source, "request": { "params": { "key": CANARY } } });
        let tried = cloud
            .owner()
            .post(&app.path("/scripts:run"), &run)
            .expect(200)
            .json();
        assert!(!holds(&tried.to_string()), "{path}: {tried}");
        cloud.get("a.test", &path.replace("{key}", "canary%2F7Qd%20%22x%22"));
    }
    // What is refused is not told on either.
    let path = app.path("/secrets/BIRD");
    for body in [
        json!(CANARY),
        json!([CANARY]),
        json!({ "value": CANARY, "more": CANARY }),
        json!({ "value": [CANARY] }),
    ] {
        let refused = cloud.owner().put(&path, &body);
        assert!((400..500).contains(&refused.status), "{}", refused.status);
    }
    let eve = cloud.person("eve", "member");
    app.admit(&eve.id, "viewer");
    eve.client.put(&path, &json!({ "value": CANARY })).expect(403);
    cloud
        .anonymous()
        .put(&path, &json!({ "value": CANARY }))
        .expect(401);

    let records = app.executions("", TELLTALES.len());
    let mut shown: Vec<Value> = records
        .iter()
        .map(|record| {
            let path = format!("/admin/executions/{}", record["id"].as_str().expect("an id"));
            cloud.owner().get(&path).expect(200).json()
        })
        .collect();
    assert!(
        shown
            .iter()
            .any(|record| record.to_string().contains("[secret BIRD]"))
    );
    shown.extend(records);
    for path in ["/secrets", "/releases", "/executions:stats", "/executions?q=7Qd"] {
        shown.push(cloud.owner().get(&app.path(path)).expect(200).json());
    }
    shown.push(cloud.owner().get("/admin/audit").expect(200).json());
    for answer in &shown {
        assert!(!holds(&answer.to_string()), "{answer}");
    }
    let audit = &shown[shown.len() - 1].to_string();
    assert!(audit.contains("set_secret") && audit.contains("BIRD"), "{audit}");
    let dump = String::from_utf8_lossy(&cloud.dump()).into_owned();
    assert!(!holds(&dump), "it is in the database");
    assert!(dump.contains("[secret BIRD]"), "it was the right database");
    let log = std::fs::read_to_string(cloud.log_file()).expect("the log");
    assert!(
        log.contains("secret set") && log.contains("DEBUG"),
        "it was the right log"
    );
    let place = log.lines().find(|line| holds(line));
    assert!(place.is_none(), "it is in the server's log: {place:?}");
}

/// Whether the canary stands there, in any way that a reader would know it by.
fn holds(text: &str) -> bool {
    let base64 = STANDARD.encode(format!("me:{CANARY}"));
    let forms = [
        "canary/7",
        "canary%2F7",
        &hex::encode("canary/7"),
        &base64[4..16],
        &STANDARD.encode(CANARY),
    ];
    forms
        .iter()
        .any(|form| text.to_lowercase().contains(&form.to_lowercase()))
}

#[test]
fn a_missing_one_is_an_error_that_says_where_to_set_it() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/", "secret::get(\"KEY\")");
    cloud.get("a.test", "/").problem(500, "script_error");
    let error = &app.executions("", 1)[0]["error"];
    assert!(error.to_string().contains("no secret `KEY`"), "{error}");
}
