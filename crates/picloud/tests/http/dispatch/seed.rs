//! What a fresh instance answers.

use crate::harness::{TestCloud, items};

#[test]
fn a_fresh_instance_greets() {
    let cloud = TestCloud::start();
    cloud.get("localhost:8080", "/").says("Hello, World!\n");
    cloud.get("localhost:8080", "/hello/Ada").says("Hello, Ada!\n");
    cloud
        .get("localhost", "/hello/Gr%C3%A4fin%20%F0%9F%90%8E")
        .says("Hello, Gräfin 🐎!\n");
}

#[test]
fn loopback_addresses_are_localhost() {
    let cloud = TestCloud::start();
    for host in [
        "127.0.0.1",
        "127.0.0.1:8080",
        "[::1]",
        "[::1]:8080",
        "LOCALHOST.",
        "[0:0::1]:1",
    ] {
        cloud.get(host, "/hello/Ada").says("Hello, Ada!\n");
    }
}

#[test]
fn it_holds_one_app_with_one_script_and_two_routes() {
    let cloud = TestCloud::start();
    let scripts = items(cloud.owner().get("/admin/scripts?app=default"));
    let names: Vec<&str> = scripts
        .iter()
        .filter_map(|script| script["name"].as_str())
        .collect();
    assert_eq!(names, ["hello"]);
    let mut paths: Vec<String> = items(cloud.owner().get("/admin/routes?app=default"))
        .iter()
        .map(|route| route["path"].as_str().expect("a path").to_owned())
        .collect();
    paths.sort();
    assert_eq!(paths, ["/", "/hello/{name}"]);
    let domains = items(cloud.owner().get("/admin/apps/default/domains"));
    assert_eq!(domains[0]["pattern"], "localhost");
}

#[test]
fn a_restart_neither_repeats_nor_restores_it() {
    let cloud = TestCloud::start();
    let id = items(cloud.owner().get("/admin/scripts?app=default"))[0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let body = serde_json::json!({ "source": "\"Changed\"" });
    cloud
        .owner()
        .patch(&format!("/admin/scripts/{id}"), &body)
        .expect(200);
    for _ in 0..2 {
        cloud.start_again();
        cloud.get("localhost", "/").says("Changed");
        assert_eq!(items(cloud.owner().get("/admin/scripts?app=default")).len(), 1);
        assert_eq!(items(cloud.owner().get("/admin/routes?app=default")).len(), 2);
    }
}
