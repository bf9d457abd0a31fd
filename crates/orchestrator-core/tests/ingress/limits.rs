//! The bounds that clients are held to.

use std::time::Duration;

use crate::support::{Client, TestServer};

/// A server that loses patience soon.
fn impatient() -> TestServer {
    TestServer::with(|config| {
        config.header_timeout = Duration::from_millis(150);
        config.body_grace = Duration::from_millis(150);
        config.idle_timeout = Duration::from_millis(400);
    })
}

#[test]
fn a_head_that_comes_byte_by_byte_is_cut_off() {
    let server = impatient();
    let mut client = server.connect();
    client.send("GET /hello HTTP/1.1\r\nHost: test.example\r\nX-Slow: ");
    // Sends for as long as the server takes it; the pause is the attack itself.
    while client.try_send("a").is_ok() {
        if let Some(answer) = client.answer_so_far(Duration::from_millis(20)) {
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (408, "request_timeout")
            );
            client.rest();
            server.assert_alive();
            return;
        }
    }
    panic!("cut off without a word");
}

#[test]
fn a_client_that_says_nothing_is_cut_off_without_a_word() {
    let server = impatient();
    assert_eq!(server.connect().rest(), b"");
}

#[test]
fn the_next_head_on_a_connection_has_its_time_from_its_own_first_byte() {
    let server = impatient();
    let mut client = server.connect();
    client.send("GET /hello HTTP/1.1\r\nHost: test.example\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    client.send("GET /hello HTTP/1.1\r\n");
    assert_eq!(client.answer().problem(), "request_timeout");
    client.rest();
}

#[test]
fn an_idle_connection_outlives_the_time_for_a_head_and_ends_at_last() {
    let server = TestServer::with(|config| {
        config.header_timeout = Duration::from_millis(50);
        config.idle_timeout = Duration::from_millis(600);
    });
    let mut client = server.connect();
    client.send("GET /hello HTTP/1.1\r\nHost: test.example\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    // Idle for longer than a head may take: there is no event to wait for, as nothing is to happen.
    assert!(client.answer_so_far(Duration::from_millis(200)).is_none());
    client.send("GET /hello HTTP/1.1\r\nHost: test.example\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    assert_eq!(client.rest(), b"");
}

#[test]
fn a_script_may_take_longer_than_a_client() {
    let server = impatient();
    let mut client = server.connect();
    client.send("GET /wait HTTP/1.1\r\nHost: test.example\r\n\r\n");
    assert!(client.answer_so_far(Duration::from_secs(1)).is_none());
    server.gate.open.add_permits(1);
    assert_eq!(client.answer().body, "waited");
}

#[test]
fn a_body_that_comes_too_slowly_is_refused() {
    let server = impatient();
    let answer = server.send("POST /echo/ HTTP/1.1\r\nHost: test.example\r\nContent-Length: 100\r\n\r\nabc");
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (408, "request_timeout")
    );
}

#[test]
fn a_body_that_is_too_large_is_refused_before_it_is_sent() {
    let server = TestServer::with(|config| config.request_body_bytes_max = 1_000);
    let head = "POST /echo/ HTTP/1.1\r\nHost: test.example\r\n";
    let mut client = server.connect();
    client.send(format!(
        "{head}Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n"
    ));
    assert_eq!(client.answer().problem(), "body_too_large");

    let mut client = server.connect();
    client.send(format!(
        "{head}Transfer-Encoding: chunked\r\n\r\n3e8\r\n{}\r\n",
        "x".repeat(1_000)
    ));
    client.send("1\r\nx\r\n");
    assert_eq!(client.answer().problem(), "body_too_large");

    let exact = format!("{head}Content-Length: 1000\r\n\r\n{}", "x".repeat(1_000));
    assert_eq!(server.send(&exact).status, 200);
}

#[test]
fn a_client_that_goes_on_sending_still_gets_its_answer() {
    let server = TestServer::with(|config| config.request_body_bytes_max = 1_000);
    let mut client = server.connect();
    client.send("POST /echo/ HTTP/1.1\r\nHost: test.example\r\nContent-Length: 500000\r\n\r\n");
    client.send("x".repeat(500_000));
    assert_eq!(client.answer().problem(), "body_too_large");
}

#[test]
fn compressed_bodies_are_refused() {
    let server = TestServer::start();
    let request = |encoding: &str| {
        format!(
            "POST /echo/ HTTP/1.1\r\nHost: test.example\r\nContent-Encoding: {encoding}\r\nContent-Length: 1\r\n\r\nx"
        )
    };
    assert_eq!(server.send(&request("gzip")).problem(), "unsupported_media_type");
    assert_eq!(server.send(&request("identity")).status, 200);
}

#[test]
fn heads_are_bounded() {
    let server = TestServer::start();
    let request =
        |path: &str, headers: &str| format!("GET {path} HTTP/1.1\r\nHost: test.example\r\n{headers}\r\n");
    let long = format!("/echo/{}", "x".repeat(8 * 1_024));
    assert_eq!(server.send(&request(&long, "")).problem(), "uri_too_long");
    assert_eq!(server.send(&request(&long[..8 * 1_024], "")).status, 200);
    let many: Vec<_> = (0..120).map(|number| format!("X-{number}: y\r\n")).collect();
    let answer = server.send(&request("/hello", &many.concat()));
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (431, "headers_too_large")
    );
    let large = format!("X-Large: {}\r\n", "y".repeat(40 * 1_024));
    assert_eq!(
        server.send(&request("/hello", &large)).problem(),
        "headers_too_large"
    );
    server.assert_alive();
}

#[test]
fn connections_beyond_the_bound_wait_for_their_turn() {
    let server = TestServer::with(|config| config.connections_max = 2);
    let mut first = server.connect();
    let mut second = server.connect();
    for client in [&mut first, &mut second] {
        client.send("GET /hello HTTP/1.1\r\nHost: test.example\r\n\r\n");
        assert_eq!(client.answer().status, 200);
    }
    let mut third = server.connect();
    third.send("GET /hello HTTP/1.1\r\nHost: test.example\r\n\r\n");
    assert!(third.answer_so_far(Duration::from_millis(100)).is_none());
    drop(first);
    assert_eq!(third.answer().status, 200);
}

/// Asks on a new connection; gives it back if it was answered.
fn ask(server: &TestServer) -> Option<Client> {
    let mut client = server.connect();
    // A connection that is closed at once may refuse even this.
    let _ = client.try_send("GET /hello HTTP/1.1\r\nHost: test.example\r\n\r\n");
    client.try_answer("GET").ok().map(|_| client)
}

#[test]
fn connections_of_one_client_beyond_its_bound_are_closed() {
    let server = TestServer::with(|config| config.connections_per_client_max = 2);
    let first = ask(&server).expect("an answer");
    let _second = ask(&server).expect("an answer");
    assert!(ask(&server).is_none());
    drop(first);
    // The server notices a moment after.
    while ask(&server).is_none() {}
}

#[test]
fn a_trusted_proxy_has_as_many_connections_as_it_likes() {
    let server = TestServer::with(|config| {
        config.connections_per_client_max = 2;
        config.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
    });
    let clients: Vec<_> = (0..10).map(|_| ask(&server)).collect();
    assert!(clients.iter().all(Option::is_some));
}

#[test]
fn requests_that_come_together_are_answered_in_order() {
    let server = TestServer::start();
    let mut client = server.connect();
    let requests: Vec<_> = (0..100)
        .map(|number| format!("GET /echo/{number} HTTP/1.1\r\nHost: test.example\r\n\r\n"))
        .collect();
    client.send(requests.concat());
    for number in 0..100 {
        assert!(client.answer().body.ends_with(&format!(" rest={number}")));
    }
}
