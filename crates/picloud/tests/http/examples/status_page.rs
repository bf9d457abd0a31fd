//! `examples/status-page`: one script, two routes.

use std::fs;

use crate::harness::TestCloud;

const HOST: &str = "status-page.localhost";

#[test]
fn the_page_and_its_data_tell_the_same() {
    let cloud = TestCloud::start();
    cloud.deploy_example("status-page");
    let data = cloud.get(HOST, "/status.json").expect(200);
    assert_eq!(data.header("content-type"), Some("application/json"));
    assert_eq!(data.header("cache-control"), Some("no-store"));
    assert_eq!(data.header("access-control-allow-origin"), Some("*"));
    let data = data.json();
    assert_eq!(data["state"], "degraded");

    let page = cloud.get(HOST, "/").expect(200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let page = page.text();
    assert!(page.contains("<h1>Some services are slow</h1>"), "{page}");
    for service in data["services"].as_array().expect("a list of services") {
        let name = service["name"].as_str().expect("a name");
        assert!(
            page.contains(&format!("<b>{name}</b>")),
            "{name} is missing in {page}"
        );
    }
    assert!(
        page.contains("&lt;late&gt;") && !page.contains("<late>"),
        "{page}"
    );
}

#[test]
fn an_edit_shows_at_once() {
    let cloud = TestCloud::start();
    let app = cloud.deploy_example("status-page");
    let source = fs::read_to_string(super::file("status-page/status.rhai")).expect("the script can be read");
    let edited = source.replace("state: \"degraded\"", "state: \"up\"");
    assert_ne!(edited, source);
    let scripts = cloud
        .owner()
        .get(&format!("/admin/scripts?app={}", app.id))
        .expect(200)
        .json();
    let id = scripts["items"][0]["id"].as_str().expect("an id");
    let saved = cloud.owner().patch(
        &format!("/admin/scripts/{id}"),
        &serde_json::json!({ "source": edited }),
    );
    assert_eq!(saved.expect(200).json()["version"], 2);
    assert!(
        cloud
            .get(HOST, "/")
            .expect(200)
            .text()
            .contains("<h1>All is well</h1>")
    );
}
