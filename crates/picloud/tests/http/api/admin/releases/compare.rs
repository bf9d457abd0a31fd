//! `GET /api/v1/admin/apps/{app}/releases:compare`.

use serde_json::{Value, json};

use crate::harness::{App, TestCloud};

fn changes(app: &App<'_>, query: &str) -> Value {
    let path = app.path(&format!("/releases:compare{query}"));
    app.cloud.owner().get(&path).expect(200).json()["changes"].clone()
}

#[test]
fn it_tells_what_leads_from_one_to_the_other() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let script = app.script("s", "1");
    let route = script.route("/x", &["GET"]);
    script.save("2");
    let settings = json!({ "name": "t", "description": "New", "limits": { "timeout_ms": 7 } });
    cloud.owner().patch(&script.path(""), &settings).expect(200);
    app.domain("b.test");

    let all = changes(&app, "?from=3&to=6");
    assert_eq!(all["summary"], "1 script changed, 1 domain added");
    let changed = &all["scripts"][0];
    assert_eq!(changed["change"], "changed");
    assert_eq!(
        (&changed["id"], &changed["name"]),
        (&json!(script.id), &json!("t"))
    );
    assert_eq!(
        changed["fields"],
        json!(["name", "description", "version", "source", "limits"])
    );
    let (before, after) = (&changed["before"], &changed["after"]);
    assert_eq!((&before["version"], &after["version"]), (&json!(1), &json!(2)));
    assert_ne!(before["content_hash"], after["content_hash"]);
    assert_eq!(
        (&before["name"], &after["description"]),
        (&json!("s"), &json!("New"))
    );
    assert_eq!(after["limits"]["timeout_ms"], 7);
    let added = &all["domains"][0];
    assert_eq!(
        (&added["change"], &added["pattern"]),
        (&json!("added"), &json!("b.test"))
    );

    // Backwards it is the opposite, and 0 is the app that has nothing.
    assert_eq!(changes(&app, "?from=6&to=3")["domains"][0]["change"], "removed");
    let from_nothing = changes(&app, "?from=0&to=3");
    assert_eq!(
        from_nothing["summary"],
        "1 script added, 1 route added, 1 domain added"
    );
    let added = &from_nothing["routes"][0];
    assert_eq!(added["id"], route["id"]);
    assert_eq!(
        (&added["before"], &added["after"]["script"]),
        (&Value::Null, &json!("s"))
    );
    // Without `to` it is the live one.
    assert_eq!(changes(&app, "?from=3"), all);
    assert_eq!(changes(&app, "?from=6")["summary"], "");
}

#[test]
fn what_is_gone_is_told_too() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let script = app.script("s", "1");
    let route = script.route("/x", &["GET"]);
    let route = format!("/admin/routes/{}", route["id"].as_str().expect("an id"));
    cloud.owner().delete(&route).expect(204);
    cloud.owner().delete(&script.path("")).expect(204);
    let gone = changes(&app, "?from=2&to=4");
    assert_eq!(gone["summary"], "1 script removed, 1 route removed");
    assert_eq!(gone["scripts"][0]["before"]["version"], 1);
    assert_eq!(gone["routes"][0]["before"]["script"], "s");
    assert_eq!(gone["routes"][0]["after"], Value::Null);
}

#[test]
fn only_releases_that_are_there_are_compared() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    app.script("s", "1");
    let compare = |query: &str| cloud.owner().get(&app.path(&format!("/releases:compare{query}")));
    compare("?from=1&to=2").problem(404, "not_found");
    compare("?from=2").problem(404, "not_found");
    for query in ["", "?to=1", "?from=x", "?from=-1", "?from=1&too=1"] {
        compare(query).problem(422, "validation_failed");
    }
    let empty = cloud.app("empty");
    assert_eq!(changes(&empty, "?from=0")["summary"], "");
}
