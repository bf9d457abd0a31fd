//! `/api/v1/execute/{script_id}`: runs a script by its id, whatever the host.

use crate::harness::TestCloud;

#[test]
fn runs_on_any_host_and_with_any_method() {
    let cloud = TestCloud::start();
    let script = cloud
        .app("tools")
        .script("echo", "`${request.method} ${request.path} ${request.body}`");
    let path = format!("/api/v1/execute/{}", script.id);
    for host in ["localhost", "nobody.test", "[::1]:8080"] {
        cloud.get(host, &path).says(&format!("GET {path} "));
    }
    cloud
        .call("PUT", "nobody.test", &path)
        .body("body")
        .send()
        .says(&format!("PUT {path} body"));
    cloud
        .call("PURGE", "nobody.test", &path)
        .send()
        .says(&format!("PURGE {path} "));
}

#[test]
fn runs_the_live_version() {
    let cloud = TestCloud::start();
    let script = cloud.app("tools").script("which", "\"one\"");
    script.execute().says("one");
    script.save("\"two\"");
    script.execute().says("two");
}

#[test]
fn a_script_that_is_not_there_is_not_found() {
    let cloud = TestCloud::start();
    let script = cloud.app("tools").script("gone", "1");
    cloud.owner().delete(&script.path("")).expect(204);
    script.execute().problem(404, "not_found");
    for id in ["01890a5d-ac96-774b-bcce-b302099a8057", "no-id", ""] {
        cloud
            .get("localhost", &format!("/api/v1/execute/{id}"))
            .problem(404, "not_found");
    }
}

#[test]
fn a_run_is_recorded_with_its_trigger() {
    let cloud = TestCloud::start();
    let app = cloud.app("tools");
    let script = app.script("fails", "throw \"no\"");
    script.execute().problem(500, "script_error");
    let records = app.executions("?trigger=execute", 1);
    assert_eq!(records[0]["script_id"], script.id.as_str());
    assert_eq!(records[0]["trigger"], "execute");
}
