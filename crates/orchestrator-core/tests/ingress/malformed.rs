//! Ten thousand requests that are not quite HTTP.

use fastrand::Rng;

use crate::support::TestServer;

const REQUESTS: u64 = 10_000;

/// What requests are made of, well-formed and not.
const METHODS: [&str; 9] = [
    "GET", "POST", "HEAD", "OPTIONS", "CONNECT", "PRI", "G\0T", "", "get\t",
];
const TARGETS: [&str; 12] = [
    "/hello",
    "/echo/x",
    "*",
    "//",
    "/%",
    "/%00",
    "/\u{e9}",
    "http://test.example/hello",
    "http://",
    "test.example:80",
    "",
    "/ x",
];
const VERSIONS: [&str; 7] = [
    "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "HTTP/11", "http/1.1", "",
];
const HEADERS: [&str; 22] = [
    "Host: test.example",
    "Host: test.example",
    "Host: test.example",
    "Host:",
    "Host : test.example",
    "Content-Length: 3",
    "Content-Length: 4",
    "Content-Length: -1",
    "Content-Length: 3, 4",
    "Content-Length: 99999999999999999999999",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding : chunked",
    "Connection: close",
    "Connection: keep-alive, upgrade",
    "Upgrade: h2c",
    "Expect: 100-continue",
    ": no name",
    "No-Colon",
    " folded: line",
    "X-Nul: a\0b",
];
const BODIES: [&str; 8] = [
    "",
    "",
    "abc",
    "3\r\nabc\r\n0\r\n\r\n",
    "zz\r\n",
    "3;x=\"\r\nabc",
    "ffffffffffffffffff\r\n",
    "\0\0\0",
];

fn request(random: &mut Rng) -> Vec<u8> {
    let pick = |random: &mut Rng, from: &[&'static str]| from[random.usize(..from.len())];
    let end = if random.u8(..10) == 0 { "\n" } else { "\r\n" };
    let mut text = format!(
        "{} {} {}{end}",
        pick(random, &METHODS),
        pick(random, &TARGETS),
        pick(random, &VERSIONS)
    );
    for _ in 0..random.usize(..5) {
        text.push_str(pick(random, &HEADERS));
        text.push_str(end);
    }
    text.push_str(end);
    text.push_str(pick(random, &BODIES));
    let mut bytes = text.into_bytes();
    for _ in 0..random.usize(..3) {
        let at = random.usize(..bytes.len());
        match random.u8(..3) {
            0 => bytes[at] = random.u8(..),
            1 => bytes.truncate(at),
            _ => bytes.insert(at, random.u8(..)),
        }
        if bytes.is_empty() {
            bytes.push(b'\r');
        }
    }
    bytes
}

#[test]
fn malformed_requests_crash_nothing_and_leave_nothing_hanging() {
    let server = TestServer::start();
    let threads = 8;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let server = &server;
            scope.spawn(move || {
                for number in (thread..REQUESTS).step_by(8) {
                    let mut random = Rng::with_seed(number);
                    let mut client = server.connect();
                    // The server may close in the middle.
                    let _ = client.try_send(request(&mut random));
                    client.shut_down();
                    let answer = client.rest();
                    // Either nothing, if there was no whole request, or HTTP with an id in each answer.
                    let text = String::from_utf8_lossy(&answer);
                    let answers = text.matches("HTTP/1.").count() - text.matches("HTTP/1.1 100 ").count();
                    let ids = text.matches("x-request-id: ").count();
                    assert!(
                        answer.is_empty() || (answers >= 1 && ids == answers),
                        "seed {number}: {text}"
                    );
                }
            });
        }
    });
    server.assert_alive();
    assert!(server.running.is_serving());
}

#[test]
fn two_ways_to_frame_a_body_are_never_two_requests() {
    let server = TestServer::start();
    for framing in [
        "Content-Length: 3\r\nContent-Length: 4\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Content-Length: +3\r\n",
    ] {
        let mut client = server.connect();
        let smuggled = "GET /hello HTTP/1.1\r\nHost: test.example\r\n\r\n";
        client.send(format!(
            "POST /echo/ HTTP/1.1\r\nHost: test.example\r\n{framing}\r\n0\r\n\r\n{smuggled}"
        ));
        let answer = client.answer();
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (400, "bad_request"),
            "{framing}"
        );
        assert_eq!(String::from_utf8_lossy(&client.rest()), "", "{framing}");
    }
}
