//! HTTP itself: connections, bodies, sizes.

use std::process::Command;

use crate::harness::TestCloud;

#[test]
fn one_connection_takes_many_requests() {
    let cloud = TestCloud::start();
    let mut connection = cloud.raw();
    for number in 0..20 {
        connection
            .send(format!("GET /hello/{number} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
            .expect("the server reads");
        connection.answer().says(&format!("Hello, {number}!\n"));
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let cloud = TestCloud::start();
    let mut connection = cloud.raw();
    let request = |n| format!("GET /hello/{n} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let requests: Vec<String> = (0..10).map(request).collect();
    connection.send(requests.concat()).expect("the server reads");
    for number in 0..10 {
        connection.answer().says(&format!("Hello, {number}!\n"));
    }
}

#[test]
fn a_chunked_body_is_put_together() {
    let cloud = TestCloud::start();
    cloud.app_with_domain("a").serve("/", "request.body");
    let request = "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
    cloud.send_raw(request).says("abcde");
}

#[test]
fn http_1_0_is_answered_and_closed() {
    let cloud = TestCloud::start();
    let mut connection = cloud.raw();
    connection
        .send("GET /hello/Ada HTTP/1.0\r\nHost: localhost\r\n\r\n")
        .expect("the server reads");
    let all = String::from_utf8(connection.read_to_end().expect("the server closes")).expect("text");
    assert!(all.ends_with("Hello, Ada!\n"), "{all}");
}

#[test]
fn a_client_that_waits_for_100_is_told_to_continue() {
    let cloud = TestCloud::start();
    cloud.app_with_domain("a").serve("/", "request.body");
    let mut connection = cloud.raw();
    let head = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    connection.send(head).expect("the server reads");
    assert_eq!(connection.answer().status, 100);
    connection.send("body").expect("the server reads");
    connection.answer().says("body");
}

#[test]
fn http_2_is_spoken_without_tls() {
    let cloud = TestCloud::start();
    let mut connection = cloud.raw();
    // The client's preface, then an empty SETTINGS frame.
    connection
        .send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .expect("the server reads");
    connection.finish();
    let bytes = connection.read_to_end().expect("the server closes");
    assert!(
        bytes.len() >= 9 && bytes[3] == 0x04,
        "its first frame is SETTINGS: {bytes:?}"
    );
}

#[test]
fn a_body_over_the_bound_is_refused() {
    let cloud = TestCloud::with().flag("--request-body-bytes-max", "1000").start();
    cloud.app_with_domain("a").serve("/", "request.body.len()");
    cloud
        .call("POST", "a.test", "/")
        .body("x".repeat(1_000))
        .send()
        .says("1000");
    cloud
        .call("POST", "a.test", "/")
        .body("x".repeat(1_001))
        .send()
        .problem(413, "body_too_large");
    let chunked = format!(
        "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n{}\r\n0\r\n\r\n",
        "x".repeat(1_001)
    );
    cloud.send_raw(chunked).problem(413, "body_too_large");
}

#[test]
fn an_address_that_is_too_long_is_refused() {
    let cloud = TestCloud::start();
    let request = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(100_000));
    let status = cloud.send_raw(request).status;
    assert!(matches!(status, 414 | 431), "{status}");
}

#[test]
fn headers_have_a_bound() {
    let cloud = TestCloud::start();
    let many: Vec<String> = (0..5_000).map(|n| format!("x-{n}: y\r\n")).collect();
    let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", many.concat());
    assert_eq!(cloud.send_raw(request).status, 431);
    let request = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nx: {}\r\n\r\n",
        "y".repeat(1_000_000)
    );
    let mut connection = cloud.raw();
    // It may close before it has read all.
    let _ = connection.send(request);
    connection.finish();
    let bytes = connection.read_to_end().expect("the server closes");
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 431"), "{text}");
    cloud.get("localhost", "/").expect(200);
}

#[test]
fn http_2_requests_are_answered() {
    let cloud = TestCloud::start();
    cloud
        .app_with_domain("a")
        .serve("/{x}", "request.host + request.params.x + request.body");
    let output = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--http2-prior-knowledge",
            "--noproxy",
            "*",
            "--data",
            "body",
        ])
        .args([
            "--write-out",
            " %{http_version} %{http_code}",
            "--header",
            "Host: a.test",
        ])
        .arg(format!("http://{}/x", cloud.address()))
        .output()
        .expect("curl can be started");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(
        said,
        "a.testxbody 2 200",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
