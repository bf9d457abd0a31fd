//! From a request to its answer.

use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use picloud_shared::{
    execution::ExecutionStatus,
    id::ScriptId,
    invocation::Trigger,
    seam::{LiveTable as _, Miss, ScriptResolver as _},
};

use crate::support::{APP, TestServer, script_id};

/// Sends lines of a head, and gives status and code of the problem.
#[track_caller]
fn check_problem(server: &TestServer, head: &str, expected: (u16, &str)) {
    let answer = server.send(&format!("{}\r\n\r\n", head.replace('\n', "\r\n")));
    assert_eq!((answer.status, answer.problem().as_str()), expected, "{head}");
}

#[track_caller]
fn check_echo(server: &TestServer, head: &str, expected: &str) {
    let answer = server.send(&format!("{}\r\n\r\n", head.replace('\n', "\r\n")));
    assert_eq!(answer.status, 200, "{head}: {answer:?}");
    assert!(answer.body.contains(expected), "{head}: {}", answer.body);
}

#[test]
fn a_script_answers() {
    let server = TestServer::start();
    let answer = server.get("/hello");
    assert_eq!((answer.status, answer.body.as_str()), (200, "Hello"));
    assert_eq!(answer.header("content-length"), Some("5"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(answer.header("date").is_some());
    let id: uuid::Uuid = answer
        .header("x-request-id")
        .expect("an id")
        .parse()
        .expect("a UUID");
    assert_eq!(id.get_version_num(), 7);

    let record = server.records().pop().expect("a record");
    assert_eq!(
        (record.id.0, record.status, record.trigger),
        (id, ExecutionStatus::Success, Trigger::Http)
    );
    assert_eq!((record.response_status, record.node.as_str()), (200, "test-node"));
    assert_eq!(
        (record.request.path.as_str(), record.request.host.as_str()),
        ("/hello", "test.example")
    );
}

#[test]
fn the_script_sees_the_request_and_the_record_does_not_see_its_secrets() {
    let server = TestServer::start();
    let answer = server.send(
        "POST /echo/a%20b/c?token=1 HTTP/1.1\r\nHost: Ada.TEST.example.:8080\r\nContent-Length: 4\r\n\r\nbody",
    );
    assert_eq!(
        answer.body,
        "POST /echo/a%20b/c?token=1 host=ada.test.example scheme=http from=127.0.0.1 trigger=http body=body \
         tenant=ada rest=a b/c"
    );
    let record = server.records().pop().expect("a record");
    assert_eq!(
        (record.request.path.as_str(), record.request.body_bytes),
        ("/echo/a%20b/c", 4)
    );
    let chunked = "POST /echo/ HTTP/1.1\r\nHost: test.example\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n";
    assert!(server.send(chunked).body.contains("body=body"));
}

#[test]
fn hosts_are_compared_in_one_form() {
    let server = TestServer::start();
    for (host, expected) in [
        ("TEST.Example:80", "host=test.example"),
        ("test.example.", "host=test.example"),
        ("127.0.0.1:8080", "host=localhost"),
        ("[::1]", "host=localhost"),
        ("B%C3%9CCHER.example", ""),
        ("xn--bcher-kva.example", "host=xn--bcher-kva.example"),
    ] {
        let head = format!("GET /echo/ HTTP/1.1\nHost: {host}");
        if expected.is_empty() {
            check_problem(&server, &head, (400, "bad_request"));
        } else {
            check_echo(&server, &head, expected);
        }
    }
}

#[test]
fn a_request_names_one_host() {
    let server = TestServer::start();
    for head in [
        "GET /hello HTTP/1.1",
        "GET /hello HTTP/1.0",
        "GET /hello HTTP/1.1\nHost:",
        "GET /hello HTTP/1.1\nHost: a b",
        "GET /hello HTTP/1.1\nHost: user@test.example",
        "GET /hello HTTP/1.1\nHost: test.example:99999",
        "GET /hello HTTP/1.1\nHost: test.example\nHost: test.example",
        "GET /hello HTTP/1.1\nHost: test.example, other.example",
        "GET http://other.example/hello HTTP/1.1\nHost: test.example",
        "GET /healthz HTTP/1.1\nHost: a b",
    ] {
        check_problem(&server, head, (400, "bad_request"));
    }
    check_echo(
        &server,
        "GET http://TEST.example/echo/?q HTTP/1.1\nHost: test.example",
        "GET /echo/?q host=test",
    );
    check_echo(
        &server,
        "GET /echo/ HTTP/1.0\nHost: test.example",
        "host=test.example",
    );
    check_problem(
        &server,
        "GET /hello HTTP/1.1\nHost: nobody.example",
        (404, "unknown_host"),
    );
}

#[test]
fn targets_that_are_no_paths() {
    let server = TestServer::start();
    let head = "OPTIONS * HTTP/1.1\r\nHost: test.example\r\n\r\n";
    let answer = server.send(head);
    assert_eq!(answer.status, 204);
    assert_eq!(
        answer.header("allow"),
        Some("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
    );
    check_problem(
        &server,
        "CONNECT test.example:80 HTTP/1.1\nHost: test.example:80",
        (405, "method_not_allowed"),
    );
    check_problem(
        &server,
        "GET * HTTP/1.1\nHost: test.example",
        (400, "bad_request"),
    );
    check_problem(
        &server,
        "GET /echo/%zz HTTP/1.1\nHost: test.example",
        (400, "bad_request"),
    );
    check_problem(
        &server,
        "GET /echo/%00 HTTP/1.1\nHost: test.example",
        (400, "bad_request"),
    );
}

#[test]
fn head_options_and_methods_that_are_not_allowed() {
    let server = TestServer::start();
    let mut client = server.connect();
    client.send("HEAD /hello HTTP/1.1\r\nHost: test.example\r\n\r\n");
    let answer = client.answer_to("HEAD");
    assert_eq!((answer.status, answer.header("content-length")), (200, Some("5")));
    // The same connection: a body that came all the same would be taken for the next answer.
    client.send("HEAD /nowhere HTTP/1.1\r\nHost: test.example\r\n\r\n");
    assert_eq!(client.answer_to("HEAD").status, 404);
    client.send("OPTIONS /hello HTTP/1.1\r\nHost: test.example\r\n\r\n");
    let answer = client.answer();
    assert_eq!(
        (answer.status, answer.header("allow")),
        (204, Some("GET, HEAD, OPTIONS"))
    );
    assert!(answer.header("x-request-id").is_some());
    client.send("DELETE /post HTTP/1.1\r\nHost: test.example\r\n\r\n");
    let answer = client.answer();
    assert_eq!(
        (answer.status, answer.header("allow")),
        (405, Some("POST, OPTIONS"))
    );
    assert_eq!(answer.problem(), "method_not_allowed");
    client.send("GET /nowhere HTTP/1.1\r\nHost: test.example\r\n\r\n");
    assert_eq!(client.answer().problem(), "no_route");
}

#[test]
fn execute_runs_a_script_on_any_host() {
    let server = TestServer::start();
    let path = format!("/api/v1/execute/{}", script_id("echo"));
    check_echo(
        &server,
        &format!("DELETE {path}?x HTTP/1.1\nHost: nobody.example"),
        "trigger=execute",
    );
    let record = server.records().pop().expect("a record");
    assert_eq!(record.trigger, Trigger::Execute);
    for id in [
        "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
        "x".to_owned(),
        format!("{}/x", script_id("echo")),
    ] {
        let head = format!("GET /api/v1/execute/{id} HTTP/1.1\nHost: test.example");
        check_problem(&server, &head, (404, "not_found"));
    }
}

#[test]
fn reserved_paths_go_to_the_control_plane_on_every_host() {
    let server = TestServer::start();
    let answer =
        server.send("PUT /api/v1/x?y HTTP/1.1\r\nHost: nobody.example\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!(
        answer.body,
        "control PUT /api/v1/x?y host=nobody.example from=127.0.0.1 scheme=http body=2"
    );
    assert!(answer.header("x-request-id").is_some());
    assert_eq!(server.get("/apix").status, 404);
}

#[test]
fn a_script_that_fails_tells_the_public_nothing() {
    let server = TestServer::start();
    for (path, status, code, recorded) in [
        ("/fail", 500, "script_error", ExecutionStatus::Error),
        ("/timeout", 504, "script_timeout", ExecutionStatus::Timeout),
        (
            "/limit",
            500,
            "script_limit_exceeded",
            ExecutionStatus::LimitExceeded,
        ),
    ] {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.problem().as_str()), (status, code));
        assert!(!answer.body.contains("secret"), "{}", answer.body);
        let record = server.records().pop().expect("a record");
        assert_eq!((record.status, record.response_status), (recorded, status));
        assert_eq!(
            Some(record.id.to_string().as_str()),
            answer.header("x-request-id")
        );
        assert_eq!(
            record.error.map(|error| error.message).as_deref(),
            Some("a secret of the script")
        );
    }
}

#[test]
fn a_script_cannot_frame_the_message() {
    let server = TestServer::start();
    let mut client = server.connect();
    for _ in 0..2 {
        client.send("GET /framing HTTP/1.1\r\nHost: test.example\r\n\r\n");
        let answer = client.answer();
        assert_eq!(
            (answer.body.as_str(), answer.header("content-length")),
            ("framed", Some("6"))
        );
        for name in ["transfer-encoding", "connection", "keep-alive", "upgrade"] {
            assert_eq!(answer.header(name), None, "{name}");
        }
        assert_ne!(answer.header("x-request-id"), Some("mine"));
    }
}

#[test]
fn large_answers_arrive_whole() {
    let server = TestServer::start();
    let mut client = server.connect();
    let sent: String = (0..100_000)
        .map(|number| char::from(b'a' + u8::try_from(number % 23).expect("small")))
        .collect();
    for path in ["/echo/", "/api/v1/echo"] {
        let length = sent.len();
        client.send(format!(
            "POST {path} HTTP/1.1\r\nHost: test.example\r\nContent-Length: {length}\r\n\r\n{sent}"
        ));
        let answer = client.answer();
        assert!(answer.body.contains(&sent), "{path}: {} bytes", answer.body.len());
    }
}

#[test]
fn a_panic_costs_one_connection() {
    let server = TestServer::start();
    let mut client = server.connect();
    client.send("GET /panic HTTP/1.1\r\nHost: test.example\r\n\r\n");
    client.rest();
    server.assert_alive();
}

#[test]
fn http2_with_prior_knowledge() {
    let server = TestServer::start();
    let (status, id, body) = server.runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(server.address)
            .await
            .expect("a connection");
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .expect("HTTP/2");
        tokio::spawn(connection);
        let request = |method: &str, path: &str| {
            let uri = format!("http://ada.test.example{path}");
            http::Request::builder()
                .method(method)
                .uri(uri)
                .body(Empty::<bytes::Bytes>::new())
                .expect("a request")
        };
        let head = sender
            .send_request(request("HEAD", "/hello"))
            .await
            .expect("an answer");
        assert_eq!(head.headers()["content-length"], "5");
        // Many at a time, on one connection.
        let answers = (0..50).map(|_| sender.send_request(request("GET", "/hello")));
        for answer in futures_util::future::join_all(answers).await {
            assert_eq!(answer.expect("an answer").status(), 200);
        }
        let answer = sender
            .send_request(request("GET", "/echo/x"))
            .await
            .expect("an answer");
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let id = parts.headers["x-request-id"].to_str().expect("text").to_owned();
        (parts.status, id, String::from_utf8(body.to_vec()).expect("text"))
    });
    assert_eq!((status.as_u16(), id.len()), (200, 36));
    assert!(body.starts_with("GET /echo/x host=ada.test.example"), "{body}");
}

#[test]
fn explain_takes_the_steps_of_dispatch() {
    let server = TestServer::start();
    let explain =
        |method: &str, authority: &str, path: &str| server.live.explain(APP, method, authority, path);
    let found = explain("GET", "ada.TEST.example:80", "/echo/a%20b");
    assert_eq!(found.host.as_deref(), Some("ada.test.example"));
    assert_eq!(
        found.claim.map(|claim| claim.pattern).as_deref(),
        Some("{tenant}.test.example")
    );
    assert_eq!(found.script, Some((script_id("echo"), 1)));
    let params = [
        ("tenant".to_owned(), "ada".to_owned()),
        ("rest".to_owned(), "a b".to_owned()),
    ];
    assert_eq!(
        (found.params.as_slice(), found.miss, found.route.is_some()),
        (&params[..], None, true)
    );
    for (method, authority, path, miss) in [
        ("GET", "a b", "/hello", Miss::Malformed),
        ("GET", "test.example", "/%", Miss::Malformed),
        ("GET", "test.example", "/api/v1", Miss::Reserved),
        ("GET", "nobody.example", "/hello", Miss::UnknownHost),
        ("GET", "test.example", "/nowhere", Miss::NoRoute),
        (
            "PUT",
            "test.example",
            "/post",
            Miss::MethodNotAllowed(vec!["POST", "OPTIONS"]),
        ),
    ] {
        assert_eq!(
            explain(method, authority, path).miss,
            Some(miss),
            "{method} {authority}{path}"
        );
    }
    let other = picloud_shared::id::AppId(uuid::Uuid::nil());
    assert_eq!(
        server.live.explain(other, "GET", "test.example", "/hello").miss,
        Some(Miss::OtherApp)
    );
}

#[test]
fn an_app_that_is_deleted_answers_no_more() {
    let server = TestServer::start();
    assert!(server.live.resolve(script_id("hello")).is_some());
    server.delete_app();
    assert_eq!(server.get("/hello").problem(), "unknown_host");
    assert!(server.live.resolve(script_id("hello")).is_none());
    assert!(server.live.resolve(ScriptId(uuid::Uuid::nil())).is_none());
}
