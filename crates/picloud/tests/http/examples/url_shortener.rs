//! `examples/url-shortener`: links that stay, and a count of visits.

use serde_json::{Value, json};

use crate::harness::{Answer, TestCloud};

const HOST: &str = "go.localhost";

fn shorten(cloud: &TestCloud, body: &Value) -> Answer {
    cloud.call("POST", HOST, "/links").json(body).send()
}

#[test]
fn a_link_leads_to_its_address_and_counts_visits() {
    let cloud = TestCloud::start();
    cloud.deploy_example("url-shortener");
    let plan = json!({ "url": "https://example.com/plan", "name": "plan" });
    let made = shorten(&cloud, &plan).expect(201).json();
    assert_eq!(made, json!({ "name": "plan", "path": "/plan" }));
    for _ in 0..2 {
        let answer = cloud.get(HOST, "/plan").expect(302);
        assert_eq!(answer.header("location"), Some("https://example.com/plan"));
    }
    let all = cloud.get(HOST, "/links").expect(200).json();
    let expected = json!({ "name": "plan", "url": "https://example.com/plan", "visits": 2 });
    assert_eq!(all, json!({ "links": [expected], "cursor": null }));
}

#[test]
fn a_name_is_given_once_and_made_up_if_none_is_asked_for() {
    let cloud = TestCloud::start();
    cloud.deploy_example("url-shortener");
    let link = json!({ "url": "https://example.com/", "name": "a" });
    shorten(&cloud, &link).expect(201);
    shorten(&cloud, &link).expect(409);
    shorten(&cloud, &json!({ "url": "https://example.com/", "name": "links" })).expect(422);
    shorten(&cloud, &json!({ "name": "b" })).expect(422);
    let made = shorten(&cloud, &json!({ "url": "https://example.com/c" }))
        .expect(201)
        .json();
    let path = made["path"].as_str().expect("a path");
    let answer = cloud.get(HOST, path).expect(302);
    assert_eq!(answer.header("location"), Some("https://example.com/c"));
    cloud.get(HOST, "/nothing").expect(404);
}
