//! How a server ends.

use std::{sync::atomic::Ordering, time::Duration};

use picloud_orchestrator_core::{Server, ServerConfig};

use crate::support::{SystemClock, TestServer};

const LONG: Duration = Duration::from_mins(1);

/// A client whose script waits.
fn waiting(server: &TestServer) -> crate::support::Client {
    let mut client = server.connect();
    client.send("GET /wait HTTP/1.1\r\nHost: test.example\r\n\r\n");
    let began = server.runtime.block_on(server.gate.waiting.acquire());
    began.expect("never closed").forget();
    client
}

#[test]
fn requests_in_flight_are_answered_and_idle_connections_closed() {
    let server = TestServer::start();
    // One on each of the two threads.
    let mut idle = [server.connect(), server.connect()];
    for client in &mut idle {
        client.send("GET /hello HTTP/1.1\r\nHost: test.example\r\n\r\n");
        assert_eq!(client.answer().status, 200);
    }
    let mut busy = waiting(&server);

    server.runtime.block_on(async {
        let stop = server.running.stop(LONG);
        let finish = async {
            // The idle connections are closed, so both threads have begun to stop.
            tokio::task::spawn_blocking(move || idle.each_mut().map(|client| client.rest()))
                .await
                .expect("no panic");
            server.gate.open.add_permits(1);
        };
        tokio::join!(stop, finish);
    });
    let answer = busy.answer();
    assert_eq!(
        (answer.body.as_str(), answer.header("connection")),
        ("waited", Some("close"))
    );
    assert!(std::net::TcpStream::connect(server.address).is_err());
    assert!(!server.running.is_serving());
}

#[test]
fn what_does_not_end_in_time_is_dropped() {
    let server = TestServer::start();
    let mut busy = waiting(&server);
    server.stop(Duration::from_millis(50));
    assert_eq!(server.gate.dropped.load(Ordering::SeqCst), 1);
    assert_eq!(busy.rest(), b"");
}

#[test]
fn a_second_call_cuts_the_first_short() {
    let server = TestServer::start();
    let _busy = waiting(&server);
    server.runtime.block_on(async {
        tokio::join!(server.running.stop(LONG), server.running.stop(Duration::ZERO));
    });
    assert_eq!(server.gate.dropped.load(Ordering::SeqCst), 1);
    // And once it has stopped, a further call has nothing to do.
    server.stop(LONG);
}

#[test]
fn a_client_that_leaves_ends_its_run() {
    let server = TestServer::start();
    drop(waiting(&server));
    server.runtime.block_on(server.gate.dropping.notified());
    assert_eq!(server.gate.dropped.load(Ordering::SeqCst), 1);
    server.assert_alive();
}

#[test]
fn an_address_in_use_is_named_with_what_to_do() {
    let server = TestServer::start();
    let config = ServerConfig::new(vec![server.address], std::sync::Arc::new(SystemClock::default()));
    let error = Server::bind(config).err().expect("an error").to_string();
    assert!(
        error.contains(&server.address.to_string()) && error.contains("--bind"),
        "{error}"
    );
}
