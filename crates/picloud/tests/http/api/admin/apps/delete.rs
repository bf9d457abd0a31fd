//! `DELETE /api/v1/admin/apps/{app}`.

use serde_json::json;

use crate::harness::TestCloud;

#[test]
fn an_empty_app_goes() {
    let cloud = TestCloud::start();
    let app = cloud.app("short-lived");
    cloud.owner().delete(&app.path("")).expect(204);
    cloud.owner().get(&app.path("")).problem(404, "not_found");
    cloud.owner().delete(&app.path("")).problem(404, "not_found");
    cloud.app("short-lived");
}

#[test]
fn one_with_scripts_or_domains_goes_only_by_force() {
    let cloud = TestCloud::start();
    let with_domain = cloud.app_with_domain("domain");
    let with_script = cloud.app("script");
    let script = with_script.script("s", "1");
    for app in [&with_domain, &with_script] {
        cloud.owner().delete(&app.path("")).problem(409, "app_not_empty");
        cloud.owner().get(&app.path("")).expect(200);
        cloud.owner().delete(&app.path("?force=true")).expect(204);
        cloud.owner().get(&app.path("")).problem(404, "not_found");
    }
    cloud.owner().get(&script.path("")).problem(404, "not_found");
}

#[test]
fn one_with_data_goes_only_by_force() {
    let cloud = TestCloud::start();
    let app = cloud.app("data");
    let script = app.script("s", "kv::set(\"k\", 1); \"kept\"");
    script.execute().says("kept");
    cloud.owner().delete(&script.path("")).expect(204);
    let refused = cloud.owner().delete(&app.path(""));
    refused.problem(409, "app_not_empty");
    cloud.owner().delete(&app.path("?force=true")).expect(204);

    let with_documents = cloud.app("documents");
    let script = with_documents.script("s", "docs::insert(\"c\", #{}); \"kept\"");
    script.execute().says("kept");
    cloud.owner().delete(&script.path("")).expect(204);
    let [with_config, with_secret] = ["config", "secrets"].map(|kind| {
        let app = cloud.app(kind);
        let answer = cloud
            .owner()
            .put(&app.path(&format!("/{kind}/KEY")), &json!({ "value": "a value" }));
        assert!(answer.status < 300, "{}", answer.text());
        app
    });
    for app in [&with_documents, &with_config, &with_secret] {
        cloud.owner().delete(&app.path("")).problem(409, "app_not_empty");
        cloud.owner().delete(&app.path("?force=true")).expect(204);
    }
}

#[test]
fn all_that_was_its_own_is_free_again() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("shop");
    let script = app.serve("/", "\"old\"");
    cloud.get("shop.test", "/").says("old");
    cloud.owner().delete(&app.path("?force=true")).expect(204);
    cloud.get("shop.test", "/").problem(404, "unknown_host");
    script.execute().problem(404, "not_found");

    let app = cloud.app_with_domain("shop");
    app.serve("/", "\"new\"");
    cloud.get("shop.test", "/").says("new");
}
