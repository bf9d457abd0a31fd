//! What proxies say of their clients.

use crate::support::TestServer;

const FORWARDED: &str =
    "X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: ada.test.example\r\n";

fn echo(server: &TestServer, headers: &str) -> String {
    server
        .send(&format!(
            "GET /echo/ HTTP/1.1\r\nHost: test.example\r\n{headers}\r\n"
        ))
        .body
}

fn trusting() -> TestServer {
    TestServer::with(|config| config.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")])
}

#[test]
fn nobody_is_believed_unless_configured() {
    let server = TestServer::start();
    let body = echo(&server, FORWARDED);
    assert!(
        body.contains("host=test.example scheme=http from=127.0.0.1"),
        "{body}"
    );
    let server =
        TestServer::with(|config| config.trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")]);
    let body = echo(&server, FORWARDED);
    assert!(
        body.contains("host=test.example scheme=http from=127.0.0.1"),
        "{body}"
    );
}

#[test]
fn a_trusted_proxy_is_believed() {
    let server = trusting();
    let body = echo(&server, FORWARDED);
    assert!(
        body.contains("host=ada.test.example scheme=https from=1.2.3.4"),
        "{body}"
    );
    let record = server.records().pop().expect("a record");
    assert_eq!(
        (record.request.host.as_str(), record.request.remote_addr.as_str()),
        ("ada.test.example", "1.2.3.4")
    );
    let control = server
        .send(&format!(
            "GET /api/v1 HTTP/1.1\r\nHost: test.example\r\n{FORWARDED}\r\n"
        ))
        .body;
    assert!(
        control.contains("host=ada.test.example from=1.2.3.4 scheme=https"),
        "{control}"
    );
}

#[test]
fn nonsense_from_a_trusted_proxy_is_ignored() {
    let server = trusting();
    let body = echo(
        &server,
        "X-Forwarded-For: nobody\r\nX-Forwarded-Proto: ftp\r\nX-Forwarded-Host: a b\r\n",
    );
    assert!(
        body.contains("host=test.example scheme=http from=127.0.0.1"),
        "{body}"
    );
}
