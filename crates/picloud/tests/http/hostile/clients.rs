//! Clients that hold on to connections.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::harness::{RawConnection, TestCloud};

/// The server's default, and some time for a busy machine.
const CUT_OFF_MAX: Duration = Duration::from_secs(20);

/// Sends one byte each second until the server closes. This pause is what the attack is made of.
fn drip(connection: &mut RawConnection, bytes: &str) -> Duration {
    let start = Instant::now();
    for byte in bytes.bytes().cycle() {
        if connection.send([byte]).is_err() || connection.is_closed() {
            break;
        }
        assert!(start.elapsed() < CUT_OFF_MAX, "the connection still stands");
        thread::sleep(Duration::from_secs(1));
    }
    start.elapsed()
}

#[test]
fn one_header_byte_per_second_is_cut_off() {
    let cloud = TestCloud::start();
    thread::scope(|scope| {
        let slow = [
            ("", "GET / HTTP/1.1\r\nHost: localhost\r\nX-Endless: "),
            ("GET / HTTP/1.1\r\nHost: localhost\r\n", "X: y\r\n"),
            (
                "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                "GET / HTTP/1.1\r\nX: ",
            ),
        ];
        for (start, bytes) in slow {
            let cloud = &cloud;
            scope.spawn(move || {
                let mut connection = cloud.raw();
                connection.send(start).expect("the server reads");
                drip(&mut connection, bytes)
            });
        }
        cloud.get("localhost", "/hello/Ada").says("Hello, Ada!\n");
    });
}

#[test]
fn silence_is_cut_off() {
    let cloud = TestCloud::with().flag("--header-timeout-seconds", "1").start();
    let mut connections: Vec<_> = (0..50).map(|_| cloud.raw().patience(CUT_OFF_MAX)).collect();
    for connection in &mut connections {
        let answer = connection.read_to_end().expect("the server closes");
        let text = String::from_utf8_lossy(&answer);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 408"), "{text}");
    }
}

#[test]
fn a_body_that_never_comes_is_cut_off() {
    let cloud = TestCloud::start();
    cloud.app_with_domain("a").serve("/", "request.body");
    let mut connection = cloud.raw().patience(Duration::from_secs(45));
    connection
        .send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\nabc")
        .expect("the server reads");
    let answer = connection.read_to_end().expect("the server closes");
    let text = String::from_utf8_lossy(&answer);
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 408"), "{text}");
}

#[test]
fn a_body_that_stays_away_half_way_is_cut_off() {
    let cloud = TestCloud::start();
    cloud.app_with_domain("a").serve("/", "request.body");
    let mut connection = cloud.raw().patience(Duration::from_secs(45));
    let half = "x".repeat(1_000_000);
    // So much came at once that, by its mean pace alone, it would have a quarter of an hour.
    connection
        .send(format!(
            "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2000000\r\n\r\n{half}"
        ))
        .expect("the server reads");
    let answer = connection.read_to_end().expect("the server closes");
    let text = String::from_utf8_lossy(&answer);
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 408"), "{text}");
}

#[test]
fn who_sends_more_than_is_read_still_gets_the_answer() {
    let cloud = TestCloud::start();
    let upload = "x".repeat(32 * 1_024 * 1_024);
    let send = |host: &str, path: &str| cloud.call("POST", host, path).body(upload.clone()).send();
    send("localhost", "/nothing/here").problem(404, "no_route");
    send("localhost", "/hello/Ada").problem(405, "method_not_allowed");
    cloud.app_with_domain("a").serve("/", "request.body");
    send("a.test", "/").problem(413, "body_too_large");
}

#[test]
fn many_idle_connections_keep_nobody_out() {
    let cloud = TestCloud::start();
    let idle: Vec<_> = (0..900).map(|_| cloud.raw()).collect();
    for _ in 0..20 {
        cloud.get("localhost", "/hello/Ada").says("Hello, Ada!\n");
    }
    drop(idle);
}
