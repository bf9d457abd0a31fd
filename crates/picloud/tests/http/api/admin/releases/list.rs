//! `GET /api/v1/admin/apps/{app}/releases`, and one of them: every change is one numbered release.

use serde_json::json;

use crate::harness::{OWNER, TestCloud, items};

#[test]
fn each_change_makes_one_and_they_are_listed_newest_first() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let start = items(cloud.owner().get(&app.path("/releases"))).len();
    let claim = app.domain("a.test");
    let script = app.script("s", "1");
    let route = script.route("/", &["GET"]);
    script.save("2");
    cloud
        .owner()
        .post(&script.path("/rollback"), &json!({ "version": 1 }))
        .expect(200);
    for path in [
        format!("/admin/routes/{}", route["id"].as_str().expect("an id")),
        script.path(""),
        app.path(&format!("/domains/{}", claim["id"].as_str().expect("an id"))),
    ] {
        cloud.owner().delete(&path).expect(204);
    }

    let releases = items(cloud.owner().get(&app.path("/releases")));
    assert_eq!(releases.len(), start + 8, "{releases:#?}");
    let numbers: Vec<u64> = releases
        .iter()
        .filter_map(|release| release["number"].as_u64())
        .collect();
    let newest_first: Vec<u64> = (1..=numbers.len() as u64).rev().collect();
    assert_eq!(numbers, newest_first);
    for release in &releases {
        assert!(
            release["summary"].as_str().is_some_and(|text| !text.is_empty()),
            "{release}"
        );
        assert!(release["author"].to_string().contains(OWNER.0), "{release}");
    }
}

#[test]
fn what_is_refused_makes_none() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let script = app.script("s", "1");
    let before = items(cloud.owner().get(&app.path("/releases"))).len();
    script.try_save("let").problem(422, "script_invalid");
    app.try_domain("localhost").problem(409, "domain_taken");
    script
        .try_route(json!({ "path": "/api", "methods": ["GET"] }))
        .problem(422, "reserved_path");
    assert_eq!(items(cloud.owner().get(&app.path("/releases"))).len(), before);
}

#[test]
fn changes_at_once_get_numbers_without_gaps() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let start = items(cloud.owner().get(&app.path("/releases"))).len() as u64;
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let app = &app;
            scope.spawn(move || {
                for number in 0..5 {
                    app.script(&format!("w{writer}-{number}"), "1");
                }
            });
        }
    });
    let releases = items(cloud.owner().get(&app.path("/releases")));
    let numbers: Vec<u64> = releases
        .iter()
        .filter_map(|release| release["number"].as_u64())
        .collect();
    assert_eq!(numbers, (1..=start + 20).rev().collect::<Vec<_>>());
}

#[test]
fn one_is_all_of_the_app() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let script = app.script("s", "1");
    script.route_on("a.test", "/x", &["GET", "POST"]);
    let release = cloud.owner().get(&app.path("/releases/3")).expect(200).json();
    let manifest = &release["manifest"];
    assert_eq!(release["number"], 3);
    assert_eq!(manifest["scripts"][0]["id"], script.id.as_str());
    assert_eq!(manifest["scripts"][0]["version"], 1);
    let version = cloud.owner().get(&script.path("/versions/1")).expect(200).json();
    assert_eq!(manifest["scripts"][0]["content_hash"], version["content_hash"]);
    assert_eq!(manifest["routes"][0]["methods"], json!(["GET", "POST"]));
    assert_eq!(manifest["routes"][0]["host"], "a.test");
    assert_eq!(manifest["domains"][0]["pattern"], "a.test");
    for missing in ["0", "4", "-1", "x", "99999999999"] {
        let path = app.path(&format!("/releases/{missing}"));
        cloud.owner().get(&path).problem(404, "not_found");
    }
}
