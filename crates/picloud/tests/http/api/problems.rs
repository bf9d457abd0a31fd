//! `/api/v1/problems/{code}`: what the `type` of a problem leads to.

use picloud_shared::problem::Code;

use crate::harness::TestCloud;

#[test]
fn every_code_has_a_page_that_names_it() {
    let cloud = TestCloud::start();
    for code in Code::ALL {
        let page = cloud.get("localhost", code.type_uri()).expect(200);
        assert!(
            page.header("content-type")
                .is_some_and(|kind| kind.starts_with("text/html")),
            "{:?}",
            page.headers
        );
        let text = page.text();
        assert!(text.contains(code.as_str()), "{}: {text}", code.as_str());
        assert!(text.contains("<h1"), "{}: {text}", code.as_str());
    }
}

#[test]
fn pages_are_there_on_hosts_that_no_app_claims() {
    let cloud = TestCloud::start();
    let problem = cloud.get("nobody.test", "/").problem(404, "unknown_host");
    let page = problem["type"].as_str().expect("a type");
    cloud.get("nobody.test", page).expect(200);
}

#[test]
fn a_code_that_does_not_exist_is_not_found() {
    let cloud = TestCloud::start();
    cloud
        .get("localhost", "/api/v1/problems/no_such_code")
        .problem(404, "not_found");
    cloud
        .get("localhost", "/api/v1/problems/../../etc/passwd")
        .problem(404, "not_found");
}
