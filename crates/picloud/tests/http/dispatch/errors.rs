//! A script that fails: the public learns that it did, and no more.

use crate::harness::TestCloud;

#[test]
fn the_public_answer_holds_nothing_of_the_script() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/throw", "throw \"password is swordfish\"");
    app.serve("/runtime", "let swordfish = []; swordfish.no_such_function()");
    app.serve("/index", "let swordfish = [1]; swordfish[9]");
    for path in ["/throw", "/runtime", "/index"] {
        let answer = cloud.get("a.test", path);
        assert!(!answer.text().contains("swordfish"), "{}", answer.text());
        assert!(!answer.text().contains("no_such_function"), "{}", answer.text());
        answer.problem(500, "script_error");
    }
}

#[test]
fn a_thrown_status_is_an_answer() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/", "throw #{status: 404, message: \"no such thing\"}");
    let answer = cloud.get("a.test", "/").expect(404);
    assert!(answer.text().contains("no such thing"), "{}", answer.text());
}

#[test]
fn a_failure_leaves_the_next_request_untouched() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/", "if request.query.fail == \"1\" { throw \"x\" } \"fine\"");
    for _ in 0..10 {
        cloud.get("a.test", "/?fail=1").problem(500, "script_error");
        cloud.get("a.test", "/").says("fine");
    }
}

#[test]
fn an_answer_that_cannot_be_sent_is_the_scripts_error() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    for (path, source) in [
        ("/status", "response(1000, \"x\")"),
        (
            "/break",
            "response(200, \"x\").header(\"x-a\", \"b\\r\\nset-cookie: c=d\")",
        ),
        ("/name", "response(200, \"x\").header(\"x a\", \"b\")"),
        ("/function", "|x| x"),
    ] {
        app.serve(path, source);
        let answer = cloud.get("a.test", path);
        assert_eq!(answer.header("set-cookie"), None);
        answer.problem(500, "script_error");
    }
}
