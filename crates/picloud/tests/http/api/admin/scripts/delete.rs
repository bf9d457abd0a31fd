//! `DELETE /api/v1/admin/scripts/{id}`.

use crate::harness::TestCloud;

#[test]
fn if_match_guards_against_deleting_what_was_not_seen() {
    let cloud = TestCloud::start();
    let script = cloud.app("a").script("s", "1");
    script.save("2");
    let delete = |version: &str| {
        let call = cloud
            .owner()
            .call("DELETE", &format!("/api/v1{}", script.path("")));
        call.header("if-match", version).send()
    };
    assert_eq!(delete("\"1\"").problem(412, "version_mismatch")["live"], 2);
    delete("W/\"2\"").problem(412, "version_mismatch");
    delete("two").problem(400, "bad_request");
    cloud.owner().get(&script.path("")).expect(200);
    delete("\"2\"").expect(204);
    delete("\"2\"").problem(404, "not_found");
}

#[test]
fn a_script_goes_once_no_route_leads_to_it() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let script = app.script("s", "1");
    let route = script.route("/", &["GET"]);
    cloud
        .owner()
        .delete(&script.path(""))
        .problem(409, "script_in_use");
    cloud.get("a.test", "/").says("1");

    cloud
        .owner()
        .delete(&format!("/admin/routes/{}", route["id"].as_str().expect("an id")))
        .expect(204);
    cloud.owner().delete(&script.path("")).expect(204);
    for path in ["", "/versions", "/versions/1"] {
        cloud.owner().get(&script.path(path)).problem(404, "not_found");
    }
    script.execute().problem(404, "not_found");
    app.script("s", "2");
}
