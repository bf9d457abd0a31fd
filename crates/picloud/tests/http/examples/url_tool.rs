//! `examples/url-tool`: one small script per route.

use serde_json::json;

use crate::harness::{Answer, TestCloud};

const HOST: &str = "url-tool.localhost";

#[test]
fn text_is_encoded_and_decoded() {
    let cloud = TestCloud::start();
    cloud.deploy_example("url-tool");
    cloud
        .get(HOST, "/encode/a%20b%2Fc%C3%A9%25")
        .says("a%20b%2Fc%C3%A9%25");
    let decode = |text: &str| -> Answer { cloud.call("POST", HOST, "/decode").body(text).send() };
    decode("a%20b%2Fc%C3%A9%25").says("a b/cé%");
    decode("%ff").expect(400);
}

#[test]
fn a_url_is_taken_apart() {
    let cloud = TestCloud::start();
    cloud.deploy_example("url-tool");
    let url = "https%3A%2F%2Fexample.com%3A8443%2Fa%2520b%3Fx%3D1%26y%3Dtwo%2520words%23top";
    let parts = cloud.get(HOST, &format!("/parse?url={url}")).expect(200).json();
    assert_eq!(parts["scheme"], "https");
    assert_eq!(parts["host"], "example.com");
    assert_eq!(parts["port"], 8443);
    assert_eq!(parts["path"], "/a%20b");
    assert_eq!(parts["fragment"], "top");

    let answer = cloud.get(HOST, "/parse").expect(400).json();
    assert!(
        answer["error"]
            .as_str()
            .is_some_and(|text| text.contains("/parse?url=")),
        "{answer}"
    );
    cloud.get(HOST, "/parse?url=not%20a%20url").expect(422);
}

#[test]
fn a_request_is_shown_as_it_arrived() {
    let cloud = TestCloud::start();
    cloud.deploy_example("url-tool");
    let answer = cloud
        .call(
            "PUT",
            "URL-tool.localhost.:8080",
            "/inspect/a%20b/c/?q=1&q=2&empty",
        )
        .header("user-agent", "curl/8")
        .body("four")
        .send()
        .expect(200);
    assert_eq!(
        answer.json(),
        json!({
            "method": "PUT",
            "url": "http://url-tool.localhost/inspect/a%20b/c/?q=1&q=2&empty",
            "host": HOST,
            "path": "/inspect/a%20b/c/",
            "rest": "a b/c/",
            "query": { "q": "1", "empty": "" },
            "user_agent": "curl/8",
            "remote_addr": "127.0.0.1",
            "body_bytes": 4,
        })
    );
    let empty = cloud.get(HOST, "/inspect/").expect(200).json();
    assert_eq!(empty["rest"], "");
    cloud.get(HOST, "/inspect").problem(404, "no_route");
}
