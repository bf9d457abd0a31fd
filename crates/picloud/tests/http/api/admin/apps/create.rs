//! `POST /api/v1/admin/apps`, and reading them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{TestCloud, items};

#[test]
fn gives_the_app() {
    let cloud = TestCloud::start();
    let body = json!({ "slug": "shop", "name": "My shop", "description": "Sells" });
    let app = cloud.owner().post("/admin/apps", &body).expect(201).json();
    let fields: BTreeSet<&str> = app
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    let expected = [
        "id",
        "slug",
        "name",
        "description",
        "my_role",
        "created_at",
        "updated_at",
    ];
    assert!(fields.is_superset(&BTreeSet::from(expected)), "{app}");
    assert_eq!(
        (&app["slug"], &app["name"], &app["description"]),
        (&json!("shop"), &json!("My shop"), &json!("Sells"))
    );

    let id = app["id"].as_str().expect("an id");
    for name in ["shop", id] {
        assert_eq!(
            cloud
                .owner()
                .get(&format!("/admin/apps/{name}"))
                .expect(200)
                .json(),
            app
        );
    }
}

#[test]
fn apps_are_listed() {
    let cloud = TestCloud::start();
    cloud.app("one");
    cloud.app("two");
    let slugs: BTreeSet<String> = items(cloud.owner().get("/admin/apps"))
        .iter()
        .map(|app| app["slug"].as_str().expect("a slug").to_owned())
        .collect();
    assert_eq!(
        slugs,
        BTreeSet::from(["default", "one", "two"].map(str::to_owned))
    );
}

#[test]
fn a_slug_follows_its_rule_and_is_unique() {
    let cloud = TestCloud::start();
    cloud.app("taken");
    let create = |slug: &str| {
        cloud
            .owner()
            .post("/admin/apps", &json!({ "slug": slug, "name": "x" }))
    };
    create("taken").problem(409, "slug_taken");
    let long = "x".repeat(64);
    for slug in [
        "",
        "-a",
        "a-",
        "Upper",
        "a b",
        "a.b",
        "ä",
        "01890a5d-ac96-774b-bcce-b302099a8057",
        &long,
    ] {
        create(slug).problem(422, "invalid_slug");
    }
}

#[test]
fn one_of_two_at_once_gets_the_slug() {
    let cloud = TestCloud::start();
    let owner = cloud.owner();
    let mut statuses: Vec<u16> = std::thread::scope(|scope| {
        let create = || {
            owner
                .post("/admin/apps", &json!({ "slug": "same", "name": "x" }))
                .status
        };
        let racers: Vec<_> = (0..8).map(|_| scope.spawn(create)).collect();
        racers
            .into_iter()
            .map(|racer| racer.join().expect("no request fails"))
            .collect()
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
}

#[test]
fn an_app_that_is_not_there_is_not_found() {
    let cloud = TestCloud::start();
    for name in ["nothing", "01890a5d-ac96-774b-bcce-b302099a8057", "NO!"] {
        cloud
            .owner()
            .get(&format!("/admin/apps/{name}"))
            .problem(404, "not_found");
    }
}

#[test]
fn name_and_description_change_by_themselves() {
    let cloud = TestCloud::start();
    let app = cloud.app("shop");
    let changed = cloud
        .owner()
        .patch(&app.path(""), &json!({ "name": "Renamed" }))
        .expect(200)
        .json();
    assert_eq!(
        (&changed["name"], &changed["slug"]),
        (&json!("Renamed"), &json!("shop"))
    );
    let same = cloud.owner().patch(&app.path(""), &json!({})).expect(200).json();
    assert_eq!(same["name"], "Renamed");
    assert_ne!(same["id"], Value::Null);
}
