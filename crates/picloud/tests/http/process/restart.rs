//! Everything is there after a restart.

use serde_json::{Value, json};

use crate::harness::{TestCloud, items};

#[test]
fn apps_scripts_versions_routes_and_redirects_come_back() {
    let cloud = TestCloud::start();
    let app = cloud.app("old");
    app.domain("{t}.kept.test");
    let script = app.serve("/x/{y}", "\"one\"");
    script.save("\"two \" + request.params.t + request.params.y");
    cloud
        .owner()
        .patch(&app.path(""), &json!({ "slug": "new" }))
        .expect(200);
    let read = || -> Vec<Value> {
        let mut all = Vec::new();
        for path in [
            "/admin/apps",
            "/admin/scripts?app=new",
            "/admin/routes?app=new",
            "/admin/apps/new/releases",
        ] {
            all.extend(items(cloud.owner().get(path)));
        }
        all.extend(items(cloud.owner().get(&script.path("/versions"))));
        all
    };
    let before = read();
    cloud.start_again();
    assert_eq!(read(), before);
    cloud.get("a.kept.test", "/x/b").says("two ab");
    cloud.owner().get("/admin/apps/old").expect(308);
}
