//! Requests to webhooks do not reach their scripts unless they are signed.

use picloud_shared::{
    execution::{Execution, ExecutionStatus},
    outcome::ScriptErrorKind,
};

use crate::support::{Answer, TestServer};

/// Of the body `Hello, World!`, from GitHub's documentation.
const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

fn post(server: &TestServer, path: &str, signature: &str, body: &str) -> Answer {
    server.send(&format!(
        "POST {path} HTTP/1.1\r\nHost: test.example\r\nx-hub-signature-256: {signature}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    ))
}

#[test]
fn a_signed_request_runs_its_script() {
    let server = TestServer::start();
    let answer = post(&server, "/hook", SIGNATURE, "Hello, World!");
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("body=Hello, World!"), "{}", answer.body);
    let records = server.records();
    assert_eq!((records.len(), records[0].status), (1, ExecutionStatus::Success));
}

#[test]
fn what_is_not_signed_is_refused_and_recorded() {
    let server = TestServer::start();
    for (signature, body, told) in [
        (SIGNATURE, "Hello, World?", "does not fit"),
        (SIGNATURE, "", "does not fit"),
        (
            "sha256=x",
            "Hello, World!",
            "`x-hub-signature-256` is not of the form",
        ),
    ] {
        let answer = post(&server, "/hook", signature, body);
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (401, "signature_invalid")
        );
        assert!(answer.body.contains(told), "{}", answer.body);
    }
    // Nothing is let through for being something else than a POST.
    for method in ["GET", "OPTIONS", "PURGE"] {
        let answer = server.send(&format!("{method} /hook HTTP/1.1\r\nHost: test.example\r\n\r\n"));
        assert_eq!(answer.status, 401, "{method}");
    }
    let records = server.records();
    assert_eq!(records.len(), 6);
    for record in records {
        let error = record.error.expect("it says why");
        assert_eq!(error.kind, ScriptErrorKind::Webhook);
        assert_eq!(
            (record.status, record.response_status),
            (ExecutionStatus::Error, 401)
        );
        assert!(record.logs.is_empty() && record.usage.operations == 0);
    }
}

#[test]
fn without_a_key_nothing_is_let_through() {
    let server = TestServer::start();
    let answer = post(&server, "/keyless", SIGNATURE, "Hello, World!");
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (503, "webhook_not_ready")
    );
    assert!(!answer.body.contains("ABSENT"), "the public learns no names");
    let records = server.records();
    let error = records[0].error.as_ref().expect("it says why");
    assert!(error.message.contains("`ABSENT`"), "{}", error.message);

    let answer = post(&server, "/away", SIGNATURE, "Hello, World!");
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (503, "database_unavailable")
    );
}

#[test]
fn the_body_of_what_is_not_signed_is_not_waited_for() {
    let server = TestServer::start();
    let mut client = server.connect();
    client.send("POST /hook HTTP/1.1\r\nHost: test.example\r\ncontent-length: 1000000\r\n\r\n");
    assert_eq!(client.answer().status, 401);
}

#[test]
fn so_many_refused_requests_are_recorded_and_no_more() {
    let server = TestServer::start();
    let mut client = server.connect();
    for _ in 0..150 {
        client.send("GET /hook HTTP/1.1\r\nHost: test.example\r\n\r\n");
        assert_eq!(client.answer().status, 401);
    }
    // They take nothing from the runs of the app.
    client.send("GET /hello HTTP/1.1\r\nHost: test.example\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    let records = server.records();
    let succeeded = |record: &Execution| record.status == ExecutionStatus::Success;
    assert_eq!(records.len(), 101);
    assert!(records.iter().any(succeeded), "its run is recorded");
}
