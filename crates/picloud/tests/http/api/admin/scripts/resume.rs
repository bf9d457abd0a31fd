//! `POST /api/v1/admin/scripts/{id}/resume`. What suspends a script is tested in `process/in_flight.rs`.

use serde_json::{Value, json};

use crate::harness::TestCloud;

#[test]
fn a_script_that_is_not_suspended_stays_as_it_is() {
    let cloud = TestCloud::start();
    let script = cloud.app_with_domain("a").serve("/", "\"fine\"");
    let before = cloud.owner().get(&script.path("")).expect(200);
    assert_eq!(
        (&before.json()["strikes"], &before.json()["suspended"]),
        (&json!(0), &Value::Null)
    );
    for _ in 0..2 {
        let resumed = cloud
            .owner()
            .post(&script.path("/resume"), &json!({}))
            .expect(200);
        assert_eq!(resumed.header("etag"), Some("\"1\""));
        assert_eq!(resumed.json(), before.json());
    }
    cloud.get("a.test", "/").says("fine");
}

#[test]
fn what_is_not_there_cannot_be_resumed() {
    let cloud = TestCloud::start();
    let script = cloud.app("a").script("s", "1");
    cloud.owner().delete(&script.path("")).expect(204);
    for path in [
        script.path("/resume"),
        "/admin/scripts/nonsense/resume".to_owned(),
    ] {
        cloud.owner().post(&path, &json!({})).problem(404, "not_found");
    }
    cloud
        .anonymous()
        .post(&script.path("/resume"), &json!({}))
        .problem(401, "unauthenticated");
}
