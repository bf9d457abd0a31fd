//! `DELETE /api/v1/admin/scripts/{id}`.

use crate::harness::TestCloud;

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
