//! `POST /api/v1/admin/scripts`, and reading them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{TestCloud, items};

#[test]
fn gives_the_script_with_its_first_version() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let script = app
        .try_script(json!({ "name": "s", "source": "1 + 1", "description": "Adds" }))
        .expect(201)
        .json();
    let fields: BTreeSet<&str> = script
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    let expected = [
        "id",
        "app_id",
        "name",
        "description",
        "version",
        "source",
        "limits",
        "strikes",
        "suspended",
        "created_at",
        "updated_at",
    ];
    assert_eq!(fields, BTreeSet::from(expected));
    assert_eq!(script["version"], 1);
    assert_eq!(script["app_id"], app.id.as_str());
    assert_eq!(script["limits"]["timeout_ms"], 10_000);
    let path = format!("/admin/scripts/{}", script["id"].as_str().expect("an id"));
    assert_eq!(cloud.owner().get(&path).expect(200).json(), script);
}

#[test]
fn names_are_unique_in_their_app() {
    let cloud = TestCloud::start();
    let (one, two) = (cloud.app("one"), cloud.app("two"));
    one.script("same", "1");
    one.try_script(json!({ "name": "same", "source": "1" }))
        .problem(409, "script_name_taken");
    two.script("same", "1");
    let long = "x".repeat(65);
    for name in ["", "-a", "a b", "ä", "a/b", &long] {
        one.try_script(json!({ "name": name, "source": "1" }))
            .problem(422, "validation_failed");
    }
}

#[test]
fn a_source_that_does_not_compile_is_refused_with_its_place() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    for (source, line, column) in [
        ("let x = ;", 1, Some(9)),
        ("let x = 1;\nlet y = (2;\n", 2, None),
        ("let x = 1;\n\n   nonsense + x", 3, Some(4)),
        ("\"never ends", 1, None),
        ("fn f( { }", 1, None),
    ] {
        let problem = app
            .try_script(json!({ "name": "s", "source": source }))
            .problem(422, "script_invalid");
        assert_eq!(problem["line"], line, "{source}: {problem}");
        match column {
            Some(column) => assert_eq!(problem["column"], column, "{source}: {problem}"),
            None => assert!(
                problem["column"].as_u64().is_some_and(|column| column >= 1),
                "{source}: {problem}"
            ),
        }
        assert!(
            problem["message"].as_str().is_some_and(|text| !text.is_empty()),
            "{problem}"
        );
    }
    let none = items(cloud.owner().get(&format!("/admin/scripts?app={}", app.slug)));
    assert_eq!(none, Vec::<Value>::new());
}

#[test]
fn limits_have_defaults_and_caps() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let script = app
        .try_script(json!({ "name": "s", "source": "1", "limits": { "timeout_ms": 500 } }))
        .expect(201)
        .json();
    assert_eq!(script["limits"]["timeout_ms"], 500);
    assert_eq!(script["limits"]["operations_max"], 10_000_000);
    for limits in [
        json!({ "timeout_ms": 0 }),
        json!({ "timeout_ms": 300_001 }),
        json!({ "timeout_ms": -1 }),
        json!({ "memory_bytes_max": 1_u64 << 40 }),
        json!({ "no_such_limit": 1 }),
    ] {
        let body = json!({ "name": "t", "source": "1", "limits": limits });
        app.try_script(body).problem(422, "validation_failed");
    }
}

#[test]
fn an_app_that_is_not_there_gets_no_script() {
    let cloud = TestCloud::start();
    let body = json!({ "app_id": "01890a5d-ac96-774b-bcce-b302099a8057", "name": "s", "source": "1" });
    let answer = cloud.owner().post("/admin/scripts", &body);
    assert!(matches!(answer.status, 404 | 422), "{}", answer.text());
}

#[test]
fn scripts_are_listed_by_app() {
    let cloud = TestCloud::start();
    let (one, two) = (cloud.app("one"), cloud.app("two"));
    one.script("a", "1");
    one.script("b", "1");
    two.script("c", "1");
    let names = |app: &str| -> BTreeSet<String> {
        let scripts = items(cloud.owner().get(&format!("/admin/scripts?app={app}")));
        scripts
            .iter()
            .map(|script| script["name"].as_str().expect("a name").to_owned())
            .collect()
    };
    assert_eq!(names("one"), BTreeSet::from(["a".to_owned(), "b".to_owned()]));
    assert_eq!(names(&two.id), BTreeSet::from(["c".to_owned()]));
    cloud
        .owner()
        .get("/admin/scripts?app=nothing")
        .problem(404, "not_found");
}

#[test]
fn odd_sources_are_kept_as_they_are() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    for (name, source) in [
        ("empty", ""),
        ("unicode", "\"žluťoučký 🐎 \\U0001F40E\""),
        ("lines", "// a\r\n1\r\n"),
        ("comment", "/* only */"),
    ] {
        let script = app.script(name, source);
        assert_eq!(
            cloud.owner().get(&script.path("")).expect(200).json()["source"],
            source
        );
    }
}
