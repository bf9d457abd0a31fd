//! Answers as they come, and connections that are kept.

use picloud_shared::services::HttpFailureKind;
use tokio::{io::AsyncWriteExt as _, net::TcpListener};

use crate::ground::{APP, Ground, OTHER, Server, answer, get, ok, post};

#[tokio::test]
async fn an_answer_has_its_status_headers_and_body() {
    let ground = Ground::open().await;
    let server = Server::start(|_| {
        answer(
            "418 Teapot",
            "X-One: 1\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n",
            b"short",
        )
    })
    .await;
    let url = server.url("/a%20b?c=d#e");
    let answered = ground.ask(APP, post(&url, "hello")).await.expect("an answer");
    assert_eq!((answered.status, &*answered.body), (418, &b"short"[..]));
    let cookies = answered.headers.iter().filter(|(name, _)| name == "set-cookie");
    assert_eq!(cookies.count(), 2);
    let [request] = &server.requests()[..] else {
        panic!("one request");
    };
    assert!(request.starts_with("POST /a%20b?c=d HTTP/1.1\r\n"), "{request}");
    assert!(
        request.contains(&format!("host: {}\r\n", server.address)),
        "{request}"
    );
    assert!(request.ends_with("\r\n\r\nhello"), "{request}");
    assert_eq!(ground.memory.bytes_held(), 5);
    drop(answered);
    assert_eq!(ground.memory.bytes_held(), 0);
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request_of_the_same_app() {
    let ground = Ground::open().await;
    ground.allow(OTHER, Some(&["127.0.0.0/8"])).await;
    let server = Server::start(|_| ok("here")).await;
    // Kept a moment after the answer; so the second of three finds it at the latest.
    while server.requests().len() == server.connections() {
        ground.ask(APP, get(server.url("/"))).await.expect("an answer");
    }
    let before = server.connections();
    ground.ask(OTHER, get(server.url("/"))).await.expect("an answer");
    assert_eq!(server.connections(), before + 1);
}

#[tokio::test]
async fn several_are_made_at_one_time_and_answered_in_their_order() {
    let ground = Ground::open().await;
    let server = Server::start(|request| ok(request.split(' ').nth(1).unwrap_or_default())).await;
    let mut requests: Vec<_> = (0..9).map(|n| get(server.url(&format!("/{n}")))).collect();
    requests.insert(4, get("http://unknown.example.com/"));
    let answers = ground.ask_all(APP, requests).await;
    for (index, answer) in answers.into_iter().enumerate() {
        match (index, answer) {
            (4, Err(failure)) => assert_eq!(failure.kind, HttpFailureKind::Dns),
            (4, Ok(_)) => panic!("a name without an address answered"),
            (_, answer) => {
                let number = index - usize::from(index > 4);
                let body = answer.expect("an answer").body;
                assert_eq!(body, format!("/{number}").as_bytes());
            }
        }
    }
}

#[tokio::test]
async fn what_is_no_http_or_ends_too_soon_is_an_error() {
    let ground = Ground::open().await;
    for (bytes, expected) in [
        (&b"220 smtp.example.com ESMTP\r\n"[..], HttpFailureKind::Protocol),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
            HttpFailureKind::Protocol,
        ),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            HttpFailureKind::Protocol,
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
            HttpFailureKind::Protocol,
        ),
        (b"", HttpFailureKind::Protocol),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            // Read first: to close what has not been read resets the connection, which is another story.
            stream.readable().await.expect("a request");
            let _ = stream.try_read(&mut [0; 4_096]);
            stream.write_all(bytes).await.expect("it is sent");
        });
        let kind = Ground::kind(ground.ask(APP, get(format!("http://{address}/"))).await);
        assert_eq!(kind, Err(expected), "{}", String::from_utf8_lossy(bytes));
        server.await.expect("it ended");
    }
}

#[tokio::test]
async fn nobody_there_and_no_name_are_told_apart() {
    let ground = Ground::open().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let kind = Ground::kind(ground.ask(APP, get(format!("http://{address}/"))).await);
    assert_eq!(kind, Err(HttpFailureKind::Connect));
    let kind = Ground::kind(ground.ask(APP, get("http://unknown.example.com/")).await);
    assert_eq!(kind, Err(HttpFailureKind::Dns));
}

#[tokio::test]
async fn tls_with_a_certificate_of_nobody_known_is_refused() {
    let ground = Ground::open().await;
    let address = crate::ground::tls_server().await;
    let failure = ground
        .ask(APP, get(format!("https://{address}/")))
        .await
        .expect_err("a failure");
    assert_eq!(failure.kind, HttpFailureKind::Tls, "{failure:?}");
    assert!(failure.message.contains("UnknownIssuer"), "{failure:?}");
    // What does not speak TLS at all is the same to a script.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let _ = stream.write_all(&ok("plain")).await;
        // Until the other side has gone: to close before resets the connection.
        let _ = stream.readable().await;
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    });
    let failure = ground
        .ask(APP, get(format!("https://{address}/")))
        .await
        .expect_err("a failure");
    assert_eq!(failure.kind, HttpFailureKind::Tls, "{failure:?}");
}
