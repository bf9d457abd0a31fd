//! A request whose host cannot be told is refused, whatever its path.

use crate::harness::TestCloud;

/// The answer to a request with exactly these header lines.
fn check(cloud: &TestCloud, headers: &str, status: u16) {
    for path in ["/", "/hello/Ada"] {
        let request = format!("GET {path} HTTP/1.1\r\n{headers}\r\n");
        let answer = cloud.send_raw(&request);
        assert_eq!(answer.status, status, "{request:?}: {}", answer.text());
    }
}

#[test]
fn missing_empty_and_duplicate_hosts_are_refused() {
    let cloud = TestCloud::start();
    check(&cloud, "Host: localhost\r\n", 200);
    for headers in [
        "",
        "Host:\r\n",
        "Host: \r\n",
        "Host: localhost\r\nHost: localhost\r\n",
        "Host: localhost\r\nhost: other.test\r\n",
    ] {
        check(&cloud, headers, 400);
    }
}

#[test]
fn malformed_hosts_are_refused() {
    let cloud = TestCloud::start();
    let long = "a.".repeat(200) + "test";
    let label = "a".repeat(64) + ".test";
    for host in [
        "a b",
        "a/b",
        "a@b",
        "http://a.test",
        ".",
        "..",
        "a..b",
        ":80",
        "a:b",
        "a:99999",
        "a:1:2",
        "[::1",
        "[x]",
        "-a.test",
        "a-.test",
        "a,b",
        "a\tb",
        "xn--a",
        "a%41.test",
        &long,
        &label,
    ] {
        check(&cloud, &format!("Host: {host}\r\n"), 400);
    }
}

#[test]
fn the_refusal_is_a_problem_like_others() {
    let cloud = TestCloud::start();
    cloud
        .send_raw("GET / HTTP/1.1\r\nHost: a..b\r\n\r\n")
        .problem(400, "bad_request");
    cloud
        .send_raw("GET /healthz HTTP/1.1\r\nHost: a..b\r\n\r\n")
        .problem(400, "bad_request");
}

#[test]
fn an_absolute_target_counts_before_the_header() {
    let cloud = TestCloud::start();
    let request = "GET http://localhost/hello/Ada HTTP/1.1\r\nHost: localhost\r\n\r\n";
    cloud.send_raw(request).says("Hello, Ada!\n");
    let request = "GET http://nobody.test/ HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let status = cloud.send_raw(request).status;
    assert!(matches!(status, 400 | 404), "{status}");
}
