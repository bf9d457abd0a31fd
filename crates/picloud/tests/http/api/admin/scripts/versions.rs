//! `/api/v1/admin/scripts/{id}/versions`, and `rollback`.

use serde_json::{Value, json};

use crate::harness::{OWNER, TestCloud, items};

#[test]
fn every_version_stays_as_it_was() {
    let cloud = TestCloud::start();
    let script = cloud.app("a").script("s", "1");
    script.save("2");
    script.save("1");
    let versions = items(cloud.owner().get(&script.path("/versions")));
    let numbers: Vec<u64> = versions
        .iter()
        .filter_map(|version| version["number"].as_u64())
        .collect();
    assert_eq!(numbers, [3, 2, 1], "newest first: {versions:#?}");
    assert_eq!(versions[0]["content_hash"], versions[2]["content_hash"]);
    assert_ne!(versions[0]["content_hash"], versions[1]["content_hash"]);

    for (number, source) in [(1, "1"), (2, "2"), (3, "1")] {
        let version = cloud
            .owner()
            .get(&script.path(&format!("/versions/{number}")))
            .expect(200)
            .json();
        assert_eq!(version["source"], source);
        assert_eq!(version["number"], number);
        assert!(version["created_at"].is_string(), "{version}");
        assert!(version["author"].to_string().contains(OWNER.0), "{version}");
    }
    for number in ["0", "4", "99999999999", "x"] {
        cloud
            .owner()
            .get(&script.path(&format!("/versions/{number}")))
            .problem(404, "not_found");
    }
}

#[test]
fn a_version_keeps_its_note() {
    let cloud = TestCloud::start();
    let script = cloud.app("a").script("s", "1");
    let body = json!({ "source": "2", "note": "Because it was wrong" });
    cloud.owner().patch(&script.path(""), &body).expect(200);
    let version = cloud.owner().get(&script.path("/versions/2")).expect(200).json();
    assert_eq!(version["note"], "Because it was wrong");
}

#[test]
fn rolling_back_serves_the_old_source_as_a_new_version() {
    let cloud = TestCloud::start();
    let script = cloud.app_with_domain("a").serve("/", "\"good\"");
    script.save("\"bad\"");
    cloud.get("a.test", "/").says("bad");
    let rolled = cloud
        .owner()
        .post(&script.path("/rollback"), &json!({ "version": 1 }))
        .expect(200)
        .json();
    assert_eq!(rolled["version"], 3);
    cloud.get("a.test", "/").says("good");
}

#[test]
fn there_is_no_way_back_to_what_never_was() {
    let cloud = TestCloud::start();
    let script = cloud.app("a").script("s", "1");
    let rollback = |version: Value| {
        cloud
            .owner()
            .post(&script.path("/rollback"), &json!({ "version": version }))
    };
    for version in [json!(0), json!(2), json!(4_000_000_000_u64)] {
        let answer = rollback(version);
        assert!(matches!(answer.status, 404 | 422), "{}", answer.text());
    }
    rollback(json!("one")).problem(422, "validation_failed");
    assert_eq!(
        cloud.owner().get(&script.path("")).expect(200).json()["version"],
        1
    );
}
