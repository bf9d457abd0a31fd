//! `GET /api/v1/script-api`: what editors know of scripts.

use crate::harness::TestCloud;

#[test]
fn it_lists_functions_methods_and_properties_with_their_words() {
    let cloud = TestCloud::start();
    let api = cloud.get("localhost", "/api/v1/script-api").expect(200).json();
    let functions = api["functions"].as_array().expect("a list");
    let named = |module: Option<&str>, name: &str| {
        functions
            .iter()
            .find(|function| function["module"].as_str() == module && function["name"] == name)
            .unwrap_or_else(|| panic!("{name} is there"))
    };
    assert_eq!(named(Some("log"), "info")["kind"], "function");
    let path = named(None, "path");
    assert_eq!(path["kind"], "property");
    assert_eq!(path["on"], "Request");
    assert!(
        path["docs"].as_str().is_some_and(|docs| docs.contains("```rhai")),
        "{path}"
    );
    // Rhai's own are there too.
    assert_eq!(named(None, "push")["kind"], "method");
}
