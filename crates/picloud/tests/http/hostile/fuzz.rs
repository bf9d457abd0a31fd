//! Malformed requests, made from valid ones with seeded chance.

use std::{thread, time::Duration};

use crate::harness::TestCloud;

const REQUESTS: u64 = 10_000;
const THREADS: u64 = 8;
/// A connection that is still open so long after the client finished hangs. Only a fault reaches this.
const HANG_MIN: Duration = Duration::from_secs(45);

#[test]
fn ten_thousand_malformed_requests_crash_nothing_and_leave_nothing_hanging() {
    let cloud = TestCloud::start();
    cloud.app_with_domain("a").serve("/{*rest}", "request.bytes");
    thread::scope(|scope| {
        for worker in 0..THREADS {
            let cloud = &cloud;
            scope.spawn(move || {
                for seed in (worker..REQUESTS).step_by(usize::try_from(THREADS).expect("a small number")) {
                    try_one(cloud, seed);
                }
            });
        }
    });
    cloud.get("localhost", "/hello/Ada").says("Hello, Ada!\n");
    cloud.owner().get("/admin/apps").expect(200);
}

fn try_one(cloud: &TestCloud, seed: u64) {
    let request = malformed(seed);
    let mut connection = cloud.raw().patience(HANG_MIN);
    // The server may refuse before it has read all.
    let _ = connection.send(&request);
    connection.finish();
    match connection.read_to_end() {
        Ok(answer) => {
            let text = String::from_utf8_lossy(&answer);
            // Nothing, an answer of HTTP/1, or frames of HTTP/2.
            let plausible = answer.is_empty() || text.starts_with("HTTP/1.") || answer.get(3) == Some(&4);
            assert!(plausible, "seed {seed}: {request:?} was answered by {text}");
            assert!(
                !text.starts_with("HTTP/1.1 500"),
                "seed {seed}: {:?}: {text}",
                String::from_utf8_lossy(&request)
            );
        }
        Err(error) => panic!(
            "seed {seed}: {:?} leaves its connection hanging: {error}",
            String::from_utf8_lossy(&request)
        ),
    }
}

/// A valid request with up to eight faults.
fn malformed(seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut request = VALID[random.usize(..VALID.len())].to_vec();
    for _ in 0..random.usize(1..=8) {
        let at = random.usize(..=request.len());
        match random.u8(..7) {
            0 if at < request.len() => request[at] = random.u8(..),
            1 => request.truncate(at),
            2 => request.insert(at, random.u8(..)),
            3 if at < request.len() => drop(request.remove(at)),
            4 => {
                let piece = PIECES[random.usize(..PIECES.len())];
                request.splice(at..at, piece.iter().copied());
            }
            5 => {
                let end = (at + random.usize(..64)).min(request.len());
                let copy = request[at..end].to_vec();
                request.splice(at..at, copy);
            }
            _ => request.extend((0..random.usize(..200)).map(|_| random.u8(..))),
        }
    }
    request
}

const VALID: [&[u8]; 7] = [
    b"GET /hello/Ada?x=1#y HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n",
    b"POST /x/y HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n",
    b"GET /api/v1/admin/apps?limit=5 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer abc\r\nCookie: picloud_session=x\r\n\r\n",
    b"POST /api/v1/admin/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x04\x08\0\0\0\0\0\0\0\0\x01",
];

const PIECES: [&[u8]; 16] = [
    b"\r\n\r\n",
    b"\n",
    b"\0",
    b"Host: a.test\r\n",
    b"Host:\r\n",
    b"Content-Length: -1\r\n",
    b"Content-Length: 99999999999999999999\r\n",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked, identity\r\n",
    b"Expect: 100-continue\r\n",
    b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n",
    b"%00%ff%zz/../../",
    b"ffffffffffffffff\r\n",
    b" HTTP/9.9",
    "ü🐎".as_bytes(),
];
