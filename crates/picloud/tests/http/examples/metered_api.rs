//! `examples/metered-api`: tokens, and a limit of calls.

use serde_json::json;

use crate::harness::{Answer, TestCloud};

const HOST: &str = "metered.localhost";

fn token(cloud: &TestCloud, name: &str, password: &str) -> Answer {
    let body = json!({ "name": name, "password": password });
    cloud.call("POST", HOST, "/token").json(&body).send()
}

fn fortune(cloud: &TestCloud, token: &str) -> Answer {
    cloud
        .call("GET", HOST, "/fortune")
        .header("authorization", &format!("Bearer {token}"))
        .send()
}

#[test]
fn each_user_has_calls_of_their_own() {
    let cloud = TestCloud::start();
    cloud.deploy_example("metered-api");
    let of = |name: &str| {
        let answer = token(&cloud, name, "correct horse").expect(200).json();
        answer["token"].as_str().expect("a token").to_owned()
    };
    let (ada, tom) = (of("ada"), of("tom"));
    // A minute may begin anew meanwhile; then there are five more.
    let refused = (0..11)
        .map(|_| fortune(&cloud, &ada))
        .find(|answer| answer.status == 429);
    let refused = refused.expect("an answer that refuses");
    assert!(refused.header("retry-after").is_some());
    let answer = fortune(&cloud, &tom).expect(200).json();
    assert_eq!(answer["left"], 4);
}

#[test]
fn no_token_no_fortune() {
    let cloud = TestCloud::start();
    cloud.deploy_example("metered-api");
    fortune(&cloud, "x").expect(401);
    token(&cloud, "ada", "correct horse").expect(200);
    token(&cloud, "ada", "wrong horse").expect(401);
    token(&cloud, "ada", "correct horse").expect(200);
    let answer = fortune(&cloud, "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.").expect(401);
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    cloud.get(HOST, "/fortune").expect(401);
    cloud
        .call("POST", HOST, "/token")
        .json(&json!([]))
        .send()
        .expect(422);
}
