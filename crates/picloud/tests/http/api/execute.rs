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

#[test]
fn a_script_sees_no_session_and_no_api_token() {
    let cloud = TestCloud::start();
    let script = cloud.app_with_domain("tools").script(
        "echo",
        "(request.headers[\"cookie\"] ?? \"-\") + \" \" + (request.headers[\"authorization\"] ?? \"-\")",
    );
    script.route("/echo", &["GET"]);
    let session = cloud.owner().token();
    for path in [format!("/api/v1/execute/{}", script.id), "/echo".to_owned()] {
        let call = || cloud.call("GET", "tools.test", &path);
        call()
            .header("cookie", &format!("theme=dark; picloud_session={session}"))
            .header("authorization", &format!("Bearer {session}"))
            .send()
            .says("theme=dark -");
        call()
            .header("authorization", "Bearer of-the-app")
            .send()
            .says("- Bearer of-the-app");
    }
}

#[test]
fn a_page_that_is_run_by_its_id_may_do_nothing_where_the_dashboard_is() {
    let cloud = TestCloud::start();
    let source = r#"response(200, "<script>1</script>")
        .header("content-type", "text/html")
        .header("content-security-policy", "script-src *")
        .header("service-worker-allowed", "/")
        .cookie("picloud_session", "pcs_x", #{})"#;
    let answer = cloud.app("tools").script("page", source).execute().expect(200);
    assert_eq!(answer.header("content-security-policy"), Some("sandbox"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("service-worker-allowed"), None);
    assert_eq!(answer.header("set-cookie"), None);
}
