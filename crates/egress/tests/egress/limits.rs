//! What is too much ends, and soon.

use std::{io::Write as _, time::Duration};

use flate2::{Compression, write::GzEncoder};
use picloud_shared::services::HttpFailureKind;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::oneshot,
};

use crate::ground::{APP, Ground, OTHER, Server, answer, get};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("it is packed");
    encoder.finish().expect("it is packed")
}

#[tokio::test]
async fn a_packed_answer_is_unpacked_within_its_bound() {
    let ground = Ground::open().await;
    let server = Server::start(|request| {
        let body = match request.split(' ').nth(1) {
            Some("/small") => gzip(b"hello"),
            Some("/two") => [gzip(b"hel"), gzip(b"lo")].concat(),
            Some("/bomb") => gzip(&vec![0; 16 * 1_024 * 1_024]),
            Some("/cut") => gzip(b"hello")[..12].to_vec(),
            _ => b"this is no gzip".to_vec(),
        };
        answer("200 OK", "Content-Encoding: GZIP\r\n", &body)
    })
    .await;
    for path in ["/small", "/two"] {
        let answered = ground.ask(APP, get(server.url(path))).await.expect("an answer");
        assert_eq!(&*answered.body, b"hello", "{path}");
        assert!(
            answered
                .headers
                .iter()
                .all(|(name, _)| !name.starts_with("content-")),
            "{answered:?}"
        );
    }
    for (path, expected) in [
        ("/bomb", HttpFailureKind::TooLarge),
        ("/cut", HttpFailureKind::Protocol),
        ("/none", HttpFailureKind::Protocol),
    ] {
        let kind = Ground::kind(ground.ask(APP, get(server.url(path))).await);
        assert_eq!(kind, Err(expected), "{path}");
    }
    assert_eq!(ground.memory.bytes_held(), 0);
}

#[tokio::test]
async fn a_body_over_its_bound_is_an_error_however_it_comes() {
    let ground = Ground::open().await;
    let server = Server::start(|request| match request.split(' ').nth(1) {
        Some("/exact") => answer("200 OK", "", &[b'a'; 1_000]),
        Some("/length") => answer("200 OK", "", &[b'a'; 1_001]),
        _ => {
            let chunk = [b"1f4\r\n", &[b'a'; 500][..], b"\r\n"].concat();
            [
                &b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"[..],
                &chunk.repeat(3),
                b"0\r\n\r\n",
            ]
            .concat()
        }
    })
    .await;
    for (path, expected) in [
        ("/exact", Ok(200)),
        ("/length", Err(HttpFailureKind::TooLarge)),
        ("/chunked", Err(HttpFailureKind::TooLarge)),
    ] {
        let mut request = get(server.url(path));
        request.answer_bytes_max = 1_000;
        assert_eq!(Ground::kind(ground.ask(APP, request).await), expected, "{path}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_an_error() {
    let ground = Ground::open().await;
    let server = Server::start(|request| {
        let headers = match request.split(' ').nth(1) {
            Some("/one") => format!("x-large: {}\r\n", "a".repeat(200_000)),
            _ => "x-many: a\r\n".repeat(200),
        };
        answer("200 OK", &headers, b"")
    })
    .await;
    for path in ["/one", "/many"] {
        let kind = Ground::kind(ground.ask(APP, get(server.url(path))).await);
        assert_eq!(kind, Err(HttpFailureKind::TooLarge), "{path}");
    }
}

#[tokio::test]
async fn no_answer_may_hold_more_than_the_server_has() {
    let ground = Ground::open().await;
    let server = Server::start(|_| answer("200 OK", "", &[b'a'; 10_000])).await;
    let mut all = ground.memory.begin();
    assert!(all.grow(64 * 1_024 * 1_024 - 5_000));
    let kind = Ground::kind(ground.ask(APP, get(server.url("/"))).await);
    assert_eq!(kind, Err(HttpFailureKind::Busy));
    drop(all);
    let kind = Ground::kind(ground.ask(APP, get(server.url("/"))).await);
    assert_eq!(kind, Ok(200));
}

#[tokio::test]
async fn whoever_sends_a_byte_now_and_then_meets_the_end_of_the_time() {
    let ground = Ground::open().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let slow = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
        stream.write_all(head).await.expect("it is sent");
        // Until the other side has enough of it.
        while stream.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let mut request = get(format!("http://{address}/"));
    request.timeout_ms = 200;
    request.answer_bytes_max = 8 * 1_024 * 1_024;
    let failure = ground.ask(APP, request).await.expect_err("a failure");
    assert_eq!(failure.kind, HttpFailureKind::Timeout);
    slow.await.expect("the connection was closed");
}

#[tokio::test]
async fn a_run_that_ends_takes_its_requests_with_it() {
    let ground = Ground::open().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (came, arrived) = oneshot::channel();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            stream.read_buf(&mut request).await.expect("a request");
        }
        came.send(()).expect("somebody waits");
        // Nothing is answered; what is read next is the end.
        stream.read_buf(&mut Vec::new()).await.expect("an end")
    });
    tokio::select! {
        _ = ground.ask(APP, get(format!("http://{address}/"))) => panic!("there is no answer"),
        arrived = arrived => arrived.expect("it arrives"),
    }
    assert_eq!(server.await.expect("it ended"), 0);
}

#[tokio::test]
async fn requests_over_the_bound_of_an_app_wait_for_their_turn() {
    const MORE_THAN_AT_ONE_TIME: usize = 300;
    let ground = Ground::open().await;
    let server = Server::start(|_| answer("200 OK", "", b"here")).await;
    let answers = ground
        .ask_all(
            APP,
            (0..MORE_THAN_AT_ONE_TIME).map(|_| get(server.url("/"))).collect(),
        )
        .await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}

#[tokio::test(start_paused = true)]
async fn names_that_nobody_answers_take_no_look_ups_of_other_apps() {
    const PER_APP: usize = 8;
    let ground = Ground::new().await;
    let asked = (0..20).map(|index| get(format!("http://{index}.slow.example/")));
    let answers = ground.ask_all(APP, asked.collect()).await;
    let of_kind = |kind| {
        let failures = answers.iter().filter_map(|answer| answer.as_ref().err());
        failures.filter(|failure| failure.kind == kind).count()
    };
    assert_eq!(of_kind(HttpFailureKind::Timeout), PER_APP, "{answers:?}");
    assert_eq!(of_kind(HttpFailureKind::Busy), 20 - PER_APP, "{answers:?}");
    assert_eq!(ground.lookups(), PER_APP);
    // Those who asked are gone, and their names are looked up still.
    let failure = ground
        .ask(APP, get("http://nowhere.example/"))
        .await
        .expect_err("no place");
    assert_eq!(failure.kind, HttpFailureKind::Busy);
    assert!(
        failure.message.contains("`nowhere.example` was not looked up"),
        "{failure:?}"
    );
    let other = Ground::kind(ground.ask(OTHER, get("http://nowhere.example/")).await);
    assert_eq!(other, Err(HttpFailureKind::Dns));
    ground.answer_slow_names();
    let after = Ground::kind(ground.ask(APP, get("http://nowhere.example/")).await);
    assert_eq!(after, Err(HttpFailureKind::Dns));
}
