//! Redirects are followed by hand.

use picloud_shared::services::{HttpFailureKind, HttpRequest};

use crate::ground::{APP, Ground, Server, answer, get, ok, post};

fn with_secrets(mut request: HttpRequest) -> HttpRequest {
    for (name, value) in [
        ("authorization", "Bearer secret"),
        ("cookie", "secret=1"),
        ("x-kept", "yes"),
    ] {
        request.headers.push((name.to_owned(), value.to_owned()));
    }
    request
}

/// A server that sends everybody from `/` to `location`, with `status`.
async fn sends_to(location: String, status: &'static str) -> Server {
    Server::start(move |request| match request.split(' ').nth(1) {
        Some("/") => answer(status, &format!("location: {location}\r\n"), b"moved"),
        _ => ok("arrived"),
    })
    .await
}

#[tokio::test]
async fn secrets_stay_with_the_server_that_they_are_for() {
    let ground = Ground::open().await;
    let other = Server::start(|_| ok("other")).await;
    let server = sends_to(other.url("/there"), "302 Found").await;
    let answered = ground
        .ask(APP, with_secrets(get(server.url("/"))))
        .await
        .expect("an answer");
    assert_eq!((&*answered.body, answered.redirected), (&b"other"[..], true));
    assert_eq!(answered.url, other.url("/there"));
    let [seen] = &other.requests()[..] else {
        panic!("one request");
    };
    assert!(!seen.contains("secret") && seen.contains("x-kept: yes"), "{seen}");

    let same = sends_to("/there".to_owned(), "302 Found").await;
    let answered = ground
        .ask(APP, with_secrets(get(same.url("/"))))
        .await
        .expect("an answer");
    assert_eq!(answered.url, same.url("/there"));
    let requests = same.requests();
    assert!(
        requests[1].contains("Bearer secret") && requests[1].contains("secret=1"),
        "{requests:?}"
    );
}

#[tokio::test]
async fn what_becomes_of_method_and_body_is_as_browsers_have_it() {
    let ground = Ground::open().await;
    for (status, method, expected) in [
        ("301 Moved", "POST", "GET "),
        ("302 Found", "POST", "GET "),
        ("303 See Other", "PUT", "GET "),
        ("303 See Other", "HEAD", "HEAD "),
        ("307 Temporary", "POST", "POST "),
        ("308 Permanent", "PUT", "PUT "),
        ("302 Found", "PUT", "PUT "),
    ] {
        let server = sends_to("/there".to_owned(), status).await;
        let mut request = post(server.url("/"), "body");
        method.clone_into(&mut request.method);
        request
            .headers
            .push(("content-type".to_owned(), "text/plain".to_owned()));
        if method == "HEAD" {
            request.body = None;
        }
        // What HEAD is answered with has a length and no body, so its connection ends.
        let _ = ground.ask(APP, request).await;
        let requests = server.requests();
        let last = requests.last().expect("a request");
        assert!(last.starts_with(expected), "{status} {method}: {last}");
        let keeps_body = !expected.starts_with("GET") && method != "HEAD";
        assert_eq!(last.ends_with("body"), keeps_body, "{status} {method}: {last}");
    }
}

#[tokio::test]
async fn too_many_redirects_are_an_error_and_none_are_an_answer() {
    let ground = Ground::open().await;
    let server = sends_to("/".to_owned(), "302 Found").await;
    let failure = ground
        .ask(APP, get(server.url("/")))
        .await
        .expect_err("a failure");
    assert_eq!(failure.kind, HttpFailureKind::Redirects);
    assert_eq!(server.requests().len(), 6);
    let mut none = get(server.url("/"));
    none.redirects_max = 0;
    let answered = ground.ask(APP, none).await.expect("an answer");
    assert_eq!((answered.status, answered.redirected), (302, false));
}
